package io.gantry.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("privileged")
class TreesTest {
    @TempDir
    Path folder;

    @Test
    void deletesATreeButNotWhatItsLinksPointTo() throws Exception {
        Path kept = Files.createDirectory(folder.resolve("kept"));
        Files.writeString(kept.resolve("file"), "x");
        Path tree = Files.createDirectories(folder.resolve("tree/a/b"));
        Files.createSymbolicLink(tree.resolve("link"), kept);
        Files.createSymbolicLink(folder.resolve("tree/dangling"), Path.of("/nowhere"));
        Files.writeString(tree.resolve("f"), "x");

        try (Directory directory = Directory.open(folder)) {
            directory.deleteTree("tree");
            directory.deleteTree("tree");
        }
        assertThat(folder.resolve("tree")).doesNotExist();
        assertThat(kept.resolve("file")).exists();
    }

    @Test
    void deletesATreeDeeperThanAnyPathNameMayBe() throws Exception {
        try (Directory directory = Directory.open(folder)) {
            directory.mkdir("deep", 0755);
            Directory at = directory.openDirectory("deep");
            for (int i = 0; i < 3000; i++) {
                at.mkdir("level", 0755);
                Directory next = at.openDirectory("level");
                at.close();
                at = next;
            }
            at.close();
            DiskUsage usage = usageOnSmallStack(directory);
            assertThat(usage.inodes()).isGreaterThan(2000);
            directory.deleteTree("deep");
            assertThat(directory.list()).isEmpty();
        }
    }

    /** A daemon's calls have a small one; depth must not use it up. */
    private static DiskUsage usageOnSmallStack(Directory directory) throws Exception {
        FutureTask<DiskUsage> usage = new FutureTask<>(directory::usage);
        Thread thread = new Thread(null, usage, "small-stack", 160 << 10);
        thread.start();
        return usage.get();
    }

    @Test
    void aDeletionStopsAtAMount() throws Exception {
        Path mount = Files.createDirectories(folder.resolve("tree/mount"));
        Mounts.tmpfs(mount, 1 << 20, 0700);
        try (Directory directory = Directory.open(folder)) {
            Files.writeString(mount.resolve("precious"), "x");
            assertThatThrownBy(() -> directory.deleteTree("tree"))
                    .isInstanceOfSatisfying(
                            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EXDEV));
            assertThat(mount.resolve("precious")).exists();
        } finally {
            Mounts.umount(mount, false);
        }
    }

    @Test
    void usageCountsAllocatedBytesAndEachInodeOnce() throws Exception {
        try (Directory directory = Directory.open(folder)) {
            DiskUsage empty = directory.usage();
            Files.write(folder.resolve("a"), new byte[8192]);
            Files.createLink(folder.resolve("b"), folder.resolve("a"));
            try (Fd sparse = directory.openFile("hole", OpenFlags.RDWR | OpenFlags.CREAT, 0600)) {
                sparse.truncate(1L << 30);
            }
            DiskUsage usage = directory.usage();
            // How much a file system allocates is its own affair, and some do so late.
            assertThat(usage.bytes() - empty.bytes()).isBetween(0L, 1L << 20);
            assertThat(usage.inodes() - empty.inodes()).isEqualTo(2);
        }
    }
}
