package io.gantry.image.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.image.Digest;
import io.gantry.image.Image;
import io.gantry.image.ImageConfig;
import io.gantry.image.ImageException;
import io.gantry.image.fixture.TarBytes;
import io.gantry.image.fixture.TestImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("privileged")
class OciLayoutImportTest {
    @TempDir
    private Path folder;

    private final TestImage image = TestImage.small("layout");
    private LocalImages images;

    @BeforeEach
    void open() throws Exception {
        images = LocalImages.open(
                folder.resolve("root"),
                new ImageConfig(null, Set.of(), null, 2, Duration.ofSeconds(10), false, Set.of("pinned.by/name")));
        images.collectUnused();
    }

    @AfterEach
    void close() {
        images.close();
    }

    private static byte[] index(TestImage image) {
        return ("{\"schemaVersion\":2,\"manifests\":["
                        + TestImage.descriptor(
                                TestImage.MANIFEST_TYPE, image.manifestDigest(), image.manifest().length, "")
                        + "]}")
                .getBytes(StandardCharsets.UTF_8);
    }

    private Path writeFolder() throws IOException {
        Path layout = folder.resolve("layout");
        Files.createDirectories(layout.resolve("blobs/sha256"));
        Files.writeString(layout.resolve("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}");
        Files.write(layout.resolve("index.json"), index(image));
        Files.write(layout.resolve("blobs/sha256/" + image.manifestDigest().hex()), image.manifest());
        for (Map.Entry<Digest, byte[]> blob : image.blobs().entrySet()) {
            Files.write(layout.resolve("blobs/sha256/" + blob.getKey().hex()), blob.getValue());
        }
        return layout;
    }

    @Test
    void importsAFolder() throws Exception {
        Image imported = images.importOciLayout(writeFolder(), "demo.local/hello:1", false);

        assertThat(imported.id()).isEqualTo(image.id());
        assertThat(imported.repoTags()).containsExactly("demo.local/hello:1");
        assertThat(imported.repoDigests()).isEmpty();
        assertThat(imported.pinned()).isFalse();
        assertThat(imported.layerPathsTopFirst().getFirst().resolve("etc/text")).hasContent("layout");
        assertThat(images.find("demo.local/hello:1")).contains(imported);
    }

    @Test
    void importsATarOfIt() throws Exception {
        TarBytes tar = new TarBytes().file("./oci-layout", 0644, "{}").file("../escape", 0644, "x");
        image.blobs().forEach((digest, blob) -> tar.file("blobs/sha256/" + digest.hex(), 0644, blob));
        tar.file("blobs/sha256/" + image.manifestDigest().hex(), 0644, image.manifest())
                .file("index.json", 0644, index(image));
        Path file = Files.write(folder.resolve("layout.tar.gz"), TestImage.gzip(tar.end()));

        Image imported = images.importOciLayout(file, "demo.local/hello", true);

        assertThat(imported.id()).isEqualTo(image.id());
        assertThat(imported.pinned()).isTrue();
        try (var left = Files.list(folder.resolve("root/tmp"))) {
            assertThat(left).isEmpty();
        }
        assertThat(folder.resolve("root/escape")).doesNotExist();
    }

    @Test
    void imageIsPinnedByItsConfiguredName() throws Exception {
        assertThat(images.importOciLayout(writeFolder(), "other/name", false).pinned())
                .isFalse();
        assertThat(images.importOciLayout(writeFolder(), "pinned.by/name:latest", false)
                        .pinned())
                .isTrue();
    }

    @Test
    void wrongBlobIsRefused() throws Exception {
        Path layout = writeFolder();
        Digest layer = image.blobs().keySet().stream().skip(1).findFirst().orElseThrow();
        Files.write(layout.resolve("blobs/sha256/" + layer.hex()), TestImage.gzip(new byte[10]));

        assertThatThrownBy(() -> images.importOciLayout(layout, "x", false))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.CORRUPT));
        assertThat(images.list()).isEmpty();
    }
}
