package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.cri.v1.PodSandboxMetadata;
import io.gantry.runtime.state.PodRecord;
import io.gantry.runtime.state.PodStatusRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PodStoreTest {
    @TempDir
    private Path folder;

    private RuntimeLayout layout;
    private PodStore store;

    private static Pod pod(String id, String name) {
        return new Pod(
                id,
                PodSandboxConfig.newBuilder()
                        .setMetadata(PodSandboxMetadata.newBuilder().setName(name))
                        .build(),
                "",
                1,
                new PodState.Creating());
    }

    @BeforeEach
    void makeFolders() throws IOException {
        layout = new RuntimeLayout(folder.resolve("root"), folder.resolve("run"));
        Files.createDirectories(layout.pods());
        Files.createDirectories(layout.tmp());
        store = new PodStore(layout);
    }

    @Test
    void aPodIsOnDiskBeforeItIsSeen() throws Exception {
        Pod pod = pod("a1", "web");
        store.record(pod, "boot");

        assertThat(store.all()).isEmpty();
        assertThat(RecordFile.read(layout.pod("a1").resolve("config"), PodRecord.parser())
                        .getBootId())
                .isEqualTo("boot");
        store.publish(pod);
        assertThat(store.require("a")).isSameAs(pod);
        assertThat(store.byKey(pod.key())).isSameAs(pod);
    }

    @Test
    void aChangeIsOnDiskAndSeen() throws Exception {
        Pod pod = pod("a1", "web");
        store.record(pod, "boot");
        PodState ready = new PodState.Ready(new PodState.Network(List.of("10.0.0.9"), "{}"), PodState.Init.NONE);
        store.change(pod, ready);

        assertThat(pod.state()).isEqualTo(ready);
        assertThat(PodState.of(RecordFile.read(layout.pod("a1").resolve("status"), PodStatusRecord.parser())))
                .isEqualTo(ready);
    }

    @Test
    void aChangeThatCannotBeWrittenIsNotSeen() {
        Pod pod = pod("nowhere", "web");
        assertThatThrownBy(() -> store.change(pod, new PodState.Stopped(PodState.Network.NONE)))
                .isInstanceOf(IOException.class);
        assertThat(pod.state()).isInstanceOf(PodState.Creating.class);
    }

    @Test
    void anEmptyRecordIsTold() throws Exception {
        Path file = folder.resolve("status");
        Files.createFile(file);
        assertThatThrownBy(() -> RecordFile.read(file, PodStatusRecord.parser()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("is empty");
    }

    @Test
    void whatIsRemovedIsGone() throws Exception {
        Pod pod = pod("a1", "web");
        store.record(pod, "boot");
        store.publish(pod);
        store.remove(pod);

        assertThat(layout.pod("a1")).doesNotExist();
        assertThat(layout.tmp()).isEmptyDirectory();
        assertThat(store.find("a1")).isNull();
        assertThat(store.byKey(pod.key())).isNull();
        assertThatThrownBy(() -> store.require("a1")).hasMessageContaining("no pod sandbox with id a1");
    }
}
