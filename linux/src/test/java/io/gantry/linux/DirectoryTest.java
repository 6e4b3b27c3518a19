package io.gantry.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("privileged")
class DirectoryTest {
    @TempDir
    Path folder;

    private Directory directory;

    @BeforeEach
    void open() throws Exception {
        directory = Directory.open(folder);
    }

    @AfterEach
    void close() {
        directory.close();
    }

    @Test
    void writesAndReadsAFile() throws Exception {
        try (Fd file = directory.openFile("a", OpenFlags.RDWR | OpenFlags.CREAT | OpenFlags.EXCL, 0640)) {
            byte[] content = new byte[200_000];
            content[199_999] = 7;
            file.write(content);
            file.seek(0);
            assertThat(file.readAll(200_000)).isEqualTo(content);
            file.seek(0);
            assertThatThrownBy(() -> file.readAll(199_999))
                    .isInstanceOf(LinuxException.class)
                    .hasMessageContaining("EFBIG");
            assertThat(Files.size(file.path())).isEqualTo(200_000);
            file.truncate(1 << 20);
            assertThat(file.stat().size()).isEqualTo(1 << 20);
        }
    }

    @Test
    void anErrorNamesTheCallThePathAndTheReason() {
        assertThatThrownBy(() -> directory.openFile("missing", OpenFlags.RDONLY, 0))
                .isInstanceOfSatisfying(LinuxException.class, e -> {
                    assertThat(e.errno()).isEqualTo(Errno.ENOENT);
                    assertThat(e.call()).isEqualTo("openat2");
                })
                .hasMessage("openat2 " + folder + "/missing: No such file or directory (ENOENT)");
    }

    @Test
    void setsEveryAttribute() throws Exception {
        directory.mknod("dev", FileStat.CHARACTER_DEVICE | 0600, 1, 300);
        directory.chown("dev", 12, 34);
        directory.chmod("dev", 04755);
        directory.setTimes("dev", 1, 2, 1_700_000_000L, 123_456_789);

        FileStat stat = directory.stat("dev");
        assertThat(stat.type()).isEqualTo(FileStat.CHARACTER_DEVICE);
        assertThat(stat.permissions()).isEqualTo(04755);
        assertThat(stat.uid()).isEqualTo(12);
        assertThat(stat.gid()).isEqualTo(34);
        assertThat(stat.rdevMajor()).isEqualTo(1);
        assertThat(stat.rdevMinor()).isEqualTo(300);
        assertThat(stat.mtimeSeconds()).isEqualTo(1_700_000_000L);
        assertThat(stat.mtimeNanos()).isEqualTo(123_456_789);
        assertThat(stat.nlink()).isEqualTo(1);
    }

    @Test
    void attributesOfASymlinkAreItsOwn() throws Exception {
        Path outside = Files.createTempFile("gantry", "outside");
        try {
            directory.symlink(outside.toString(), "link");
            directory.chown("link", 5, 6);
            directory.setTimes("link", 0, 0, 99, 0);
            directory.setXattr("link", "trusted.x", new byte[] {0, 1});

            assertThat(directory.readlink("link")).isEqualTo(outside.toString());
            assertThat(directory.stat("link").isSymlink()).isTrue();
            assertThat(directory.stat("link").uid()).isEqualTo(5);
            assertThat(directory.stat("link").mtimeSeconds()).isEqualTo(99);
            assertThat(directory.getXattr("link", "trusted.x")).contains(new byte[] {0, 1});
            assertThat(Files.getAttribute(outside, "unix:uid")).isEqualTo(0);
            assertThatThrownBy(() -> directory.chmod("link", 0777)).isInstanceOf(LinuxException.class);
            assertThat(Files.getAttribute(outside, "unix:mode"))
                    .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.INTEGER)
                    .isEqualTo(FileStat.REGULAR | 0600);
        } finally {
            Files.delete(outside);
        }
    }

    @Test
    void extendedAttributes() throws Exception {
        directory.mknod("f", FileStat.REGULAR | 0644, 0, 0);
        byte[] large = new byte[4000];
        large[3999] = 1;
        directory.setXattr("f", "user.large", large);
        directory.setXattr("f", "user.empty", new byte[0]);

        assertThat(directory.getXattr("f", "user.large")).contains(large);
        assertThat(directory.getXattr("f", "user.empty")).contains(new byte[0]);
        assertThat(directory.getXattr("f", "user.none")).isEmpty();
        assertThat(directory.listXattrs("f")).contains("user.large", "user.empty");
    }

    @Test
    void namesAreBytes() throws Exception {
        String name = "caf\u00e9\u00ff";
        directory.mkdir(name, 0755);
        String utf8 = Directory.raw("caf\u00e9 \u2603");
        directory.mkdir(utf8, 0755);

        assertThat(directory.list()).extracting(Directory.Entry::name).containsExactlyInAnyOrder(name, utf8);
        assertThat(Directory.text(utf8)).isEqualTo("caf\u00e9 \u2603");
        assertThat(name.getBytes(StandardCharsets.ISO_8859_1)).hasSize(5);
        directory.rmdir(name);
        directory.rmdir(utf8);
    }

    @Test
    void namesThatAreNoComponentAreRefused() {
        for (String name : new String[] {"", ".", "..", "a/b", "/etc", "a\0b", "\u2603"}) {
            assertThatThrownBy(() -> directory.mkdir(name, 0755)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> directory.deleteTree(name)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void nothingIsOpenedThroughALinkOrAboveTheTop() throws Exception {
        directory.symlink("/etc", "out");
        directory.symlink("../../../../../../etc", "up");
        directory.symlink("/proc/self/root/etc", "magic");
        for (String path : new String[] {"out/passwd", "up/passwd", "magic/passwd", "../x", "/etc/passwd"}) {
            assertThatThrownBy(() -> directory.openFile(path, OpenFlags.RDONLY, 0))
                    .as(path)
                    .isInstanceOf(LinuxException.class);
        }
    }

    @Test
    void inRootTheTopIsTheRootOfAllLinks() throws Exception {
        directory.mkdir("etc", 0755);
        Files.writeString(folder.resolve("etc/passwd"), "ours");
        directory.symlink("/etc", "abs");
        directory.symlink("../../../../etc", "up");
        for (String path : new String[] {"/etc/passwd", "abs/passwd", "up/passwd", "../../etc/passwd"}) {
            try (Fd file = directory.openInRoot(path, OpenFlags.RDONLY, 0)) {
                assertThat(file.readAll(100)).asString().isEqualTo("ours");
            }
        }
    }

    @Test
    void linksAndRenames() throws Exception {
        directory.mkdir("sub", 0755);
        directory.symlink("target", "s");
        try (Directory sub = directory.openDirectory("sub")) {
            directory.link("s", sub, "hard");
            assertThat(sub.readlink("hard")).isEqualTo("target");
            assertThat(sub.stat("hard").nlink()).isEqualTo(2);
            directory.rename("s", sub, "hard2");
            assertThat(directory.statIfExists("s")).isEmpty();
            assertThat(sub.stat("hard2").isSymlink()).isTrue();
        }
    }

    @Test
    void aDirectorysOwnAttributesGoThroughItsDescriptor() throws Exception {
        directory.fd().chown(3, 4);
        directory.fd().chmod(01777);
        directory.fd().setTimes(5, 0, 6, 7);
        directory.fd().setXattr("trusted.overlay.opaque", new byte[] {'y'});
        FileStat stat = directory.fd().stat();
        assertThat(stat.uid()).isEqualTo(3);
        assertThat(stat.permissions()).isEqualTo(01777);
        assertThat(stat.mtimeNanos()).isEqualTo(7);
        assertThat(directory.fd().getXattr("trusted.overlay.opaque")).isEqualTo(new byte[] {'y'});
    }

    @Test
    void spreadingIsSetWhereTheFileSystemHasItAndPassedOverElsewhere() throws Exception {
        try (Directory proc = Directory.open(Path.of("/proc"))) {
            proc.spreadSubdirectories();
        }
        directory.spreadSubdirectories();
        directory.mkdir("below", 0700);
        Process lsattr = new ProcessBuilder("lsattr", "-d", folder.toString())
                .redirectErrorStream(true)
                .start();
        String flags = new String(lsattr.getInputStream().readAllBytes(), StandardCharsets.UTF_8).split(" ", 2)[0];
        assertThat(flags.contains("T"))
                .isEqualTo(Files.getFileStore(folder).type().equals("ext4"));
    }

    @Test
    void closingTwiceIsFineAndUseAfterwardsIsNot() throws Exception {
        Fd file = directory.openFile("x", OpenFlags.WRONLY | OpenFlags.CREAT, 0600);
        file.close();
        file.close();
        assertThatThrownBy(file::value).isInstanceOf(IllegalStateException.class);
    }
}
