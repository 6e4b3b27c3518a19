package io.gantry.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("privileged")
class MountsTest {
    @TempDir
    Path folder;

    private final List<Path> layers = new ArrayList<>();

    @BeforeEach
    void makeLayers() throws Exception {
        for (int i = 0; i < 3; i++) {
            Path layer = Files.createDirectories(folder.resolve("layer" + i + "/etc"));
            Files.writeString(layer.resolve("who"), "layer " + i);
            Files.writeString(layer.resolve("only" + i), "x");
            layers.add(layer.getParent());
        }
        try (Directory top = Directory.open(layers.getFirst().resolve("etc"))) {
            top.mknod("only2", FileStat.CHARACTER_DEVICE, 0, 0);
        }
    }

    @Test
    void anOverlayShowsTheTopAndHonoursWhiteouts() throws Exception {
        try (Directory overlay = Mounts.overlayReadOnly(layers)) {
            checkOverlay(overlay);
        }
        assertThat(MountInfo.self()).noneMatch(mount -> mount.target().startsWith(folder.toString()));
    }

    @Test
    void theSameByDescriptorNumbersAsOldKernelsNeedIt() throws Exception {
        try (Directory overlay = Mounts.overlayOfNumbers(layers, 1)) {
            checkOverlay(overlay);
        }
    }

    private static void checkOverlay(Directory overlay) throws Exception {
        try (Fd who = overlay.openInRoot("/etc/who", OpenFlags.RDONLY, 0);
                Directory etc = overlay.openDirectory("etc")) {
            assertThat(who.readAll(100)).asString().isEqualTo("layer 0");
            assertThat(etc.list()).extracting(Directory.Entry::name).containsExactlyInAnyOrder("who", "only0", "only1");
            assertThatThrownBy(() -> etc.mkdir("new", 0755)).hasMessageContaining("EROFS");
        }
    }

    @Test
    void aSingleLayerIsAReadOnlyBind() throws Exception {
        try (Directory overlay = Mounts.overlayReadOnly(layers.subList(1, 2));
                Fd who = overlay.openInRoot("etc/who", OpenFlags.RDONLY, 0)) {
            assertThat(who.readAll(100)).asString().isEqualTo("layer 1");
            assertThatThrownBy(() -> overlay.mkdir("new", 0755)).hasMessageContaining("EROFS");
        }
    }

    @Test
    void bindsAndTmpfs() throws Exception {
        Path target = Files.createDirectory(folder.resolve("with space"));
        Mounts.bind(layers.getFirst(), target, true);
        try {
            assertThat(target.resolve("etc/who")).hasContent("layer 0");
            assertThat(MountInfo.self())
                    .filteredOn(mount -> mount.target().equals(target.toString()))
                    .singleElement()
                    .satisfies(mount -> assertThat(mount.options()).contains("ro"));
        } finally {
            Mounts.umount(target, true);
        }
        Mounts.tmpfs(target, 65536, 01777);
        try {
            FileSystemStat stat = FileSystemStat.of(target);
            assertThat(stat.type()).isEqualTo(FileSystemStat.TMPFS);
            assertThat(stat.bytes()).isEqualTo(65536);
        } finally {
            Mounts.umount(target, false);
        }
        assertThatThrownBy(() -> Mounts.umount(target, false)).hasMessageContaining("umount2 " + target);
    }

    @Test
    void parsesOptionalFieldsAndEscapes() {
        assertThat(MountInfo.parse(
                        "36 35 98:0 /m\\0401 /m\\1342 rw,noatime shared:1 master:2 - ext3 /dev/root rw,x=y\n"))
                .containsExactly(new MountInfo(
                        36,
                        35,
                        "98:0",
                        "/m 1",
                        "/m\\2",
                        List.of("rw", "noatime"),
                        List.of("shared:1", "master:2"),
                        "ext3",
                        "/dev/root",
                        List.of("rw", "x=y")));
    }
}
