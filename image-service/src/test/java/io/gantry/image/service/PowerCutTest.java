package io.gantry.image.service;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.image.ImageConfig;
import io.gantry.image.PullRequest;
import io.gantry.image.fixture.FakeRegistry;
import io.gantry.image.fixture.TestImage;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is believed after the machine went down, and what is pulled again. */
@Tag("privileged")
class PowerCutTest {
    @TempDir
    private Path root;

    private final TestImage pushed = TestImage.small("power");
    private FakeRegistry registry;
    private Path record;

    @BeforeEach
    void pull() throws Exception {
        registry = new FakeRegistry().add("latest", pushed);
        try (LocalImages images = LocalImages.open(root, ImageConfig.defaults())) {
            images.pull(PullRequest.anonymous(registry.host() + "/repo"));
        }
        record = root.resolve("images/" + pushed.id().substring("sha256:".length()) + ".json");
    }

    @AfterEach
    void stop() {
        registry.close();
    }

    @Test
    void whatIsOnTheDiskIsBelieved() throws Exception {
        assertThat(Files.readString(record)).contains("\"unsyncedBoot\":\"\"");
        try (LocalImages images = LocalImages.open(root, ImageConfig.defaults())) {
            assertThat(images.list()).hasSize(1);
        }
    }

    @Test
    void whatMayNotHaveReachedTheDiskIsPulledAgain() throws Exception {
        Files.writeString(
                record,
                Files.readString(record).replace("\"unsyncedBoot\":\"\"", "\"unsyncedBoot\":\"an earlier boot\""));
        Path text;
        try (LocalImages images = LocalImages.open(root, ImageConfig.defaults())) {
            assertThat(images.list()).isEmpty();
            text = images.pull(PullRequest.anonymous(registry.host() + "/repo"))
                    .layerPathsTopFirst()
                    .getFirst()
                    .resolve("etc/text");
            assertThat(text).hasContent("power");
        }
        assertThat(registry.requests("/blobs/")).hasSize(4);
    }

    @Test
    void sameBootNeedsNoDisk() throws Exception {
        String boot =
                Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
        Files.writeString(
                record, Files.readString(record).replace("\"unsyncedBoot\":\"\"", "\"unsyncedBoot\":\"" + boot + "\""));
        try (LocalImages images = LocalImages.open(root, ImageConfig.defaults())) {
            assertThat(images.list()).hasSize(1);
        }
        assertThat(Files.readString(record)).contains("\"unsyncedBoot\":\"\"");
    }

    @Test
    void layerWithoutARecordIsNotBelieved() throws Exception {
        Files.delete(record);
        try (LocalImages images = LocalImages.open(root, ImageConfig.defaults())) {
            images.pull(PullRequest.anonymous(registry.host() + "/repo"));
        }
        assertThat(registry.requests("/blobs/")).hasSize(4);
    }
}
