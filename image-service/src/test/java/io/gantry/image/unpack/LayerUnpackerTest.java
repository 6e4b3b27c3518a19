package io.gantry.image.unpack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.image.fixture.TarBytes;
import io.gantry.image.tar.TarFormatException;
import io.gantry.linux.Directory;
import io.gantry.linux.FileStat;
import io.gantry.linux.OpenFlags;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("privileged")
class LayerUnpackerTest {
    @TempDir
    private Path folder;

    private Path layer;
    private Directory root;

    @BeforeEach
    void makeRoot() throws IOException {
        layer = Files.createDirectory(folder.resolve("layer"));
        Files.createDirectory(folder.resolve("outside"));
        Files.writeString(folder.resolve("outside/secret"), "secret");
        root = Directory.open(layer);
    }

    @AfterEach
    void closeRoot() {
        root.close();
    }

    private LayerSize unpack(TarBytes tar) throws IOException {
        return unpack(tar.end());
    }

    private LayerSize unpack(byte[] tar) throws IOException {
        try (LayerUnpacker unpacker = new LayerUnpacker(root)) {
            return unpacker.unpack(new ByteArrayInputStream(tar));
        }
    }

    private FileStat stat(String path) throws IOException {
        Path name = Path.of(path);
        if (name.getParent() == null) {
            return root.stat(path);
        }
        try (Directory parent = root.openDirectory(name.getParent().toString())) {
            return parent.stat(name.getFileName().toString());
        }
    }

    private String text(String path) throws IOException {
        return Files.readString(layer.resolve(path));
    }

    @Test
    void keepsOwnersModesAndTimes() throws IOException {
        unpack(new TarBytes()
                .mtime(1_000_000_000)
                .folder("./", 0750)
                .owner(1000, 2000)
                .folder("d/", 01777)
                .pax("mtime", "1234567890.123456789")
                .file("d/f", 04755, "setuid")
                .pax("mtime", "-1.5")
                .symlink("d/l", "/anywhere")
                .owner(0, 0)
                .file("g", 02711, ""));

        assertThat(stat("d").permissions()).isEqualTo(01777);
        assertThat(stat("d").uid()).isEqualTo(1000);
        assertThat(stat("d").gid()).isEqualTo(2000);
        assertThat(stat("d").mtimeSeconds()).isEqualTo(1_000_000_000);
        assertThat(stat("d/f").permissions()).isEqualTo(04755);
        assertThat(stat("d/f").uid()).isEqualTo(1000);
        assertThat(stat("d/f").mtimeSeconds()).isEqualTo(1234567890);
        assertThat(stat("d/f").mtimeNanos()).isEqualTo(123456789);
        assertThat(stat("d/l").isSymlink()).isTrue();
        assertThat(stat("d/l").gid()).isEqualTo(2000);
        assertThat(stat("d/l").mtimeSeconds()).isEqualTo(-2);
        assertThat(stat("d/l").mtimeNanos()).isEqualTo(500_000_000);
        assertThat(stat("g").permissions()).isEqualTo(02711);
        assertThat(root.fd().stat().permissions()).isEqualTo(0750);
        assertThat(root.fd().stat().mtimeSeconds()).isEqualTo(1_000_000_000);
    }

    @Test
    void keepsHardLinksDevicesAndFifos() throws IOException {
        LayerSize size = unpack(new TarBytes()
                .file("a", 0644, "linked")
                .hardLink("sub/b", "/a")
                .device('3', "c", 0622, 5, 1)
                .device('4', "b", 0660, 259, 300)
                .fifo("p", 0600));

        assertThat(stat("a").ino()).isEqualTo(stat("sub/b").ino());
        assertThat(stat("a").nlink()).isEqualTo(2);
        assertThat(stat("c").type()).isEqualTo(FileStat.CHARACTER_DEVICE);
        assertThat(stat("c").permissions()).isEqualTo(0622);
        assertThat(stat("c").rdevMajor()).isEqualTo(5);
        assertThat(stat("b").type()).isEqualTo(FileStat.BLOCK_DEVICE);
        assertThat(stat("b").rdevMinor()).isEqualTo(300);
        assertThat(stat("p").type()).isEqualTo(FileStat.FIFO);
        assertThat(size.inodes()).isEqualTo(6);
    }

    @Test
    void keepsXattrsByteForByte() throws IOException {
        // A version 2 capability set: its bytes are no UTF-8.
        byte[] capability = {1, 0, 0, 2, 0, (byte) 0xc4, (byte) 0xff, (byte) 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        unpack(new TarBytes()
                .owner(7, 7)
                .pax("SCHILY.xattr.security.capability", capability)
                .pax("SCHILY.xattr.user.note", "x=y\nz")
                .file("ping", 0755, "ping")
                .pax("SCHILY.xattr.user.note", "folder")
                .folder("d/", 0755)
                .file("plain", 0644, ""));

        assertThat(root.getXattr("ping", "security.capability")).hasValue(capability);
        assertThat(root.getXattr("ping", "user.note")).hasValue("x=y\nz".getBytes(StandardCharsets.UTF_8));
        assertThat(root.getXattr("d", "user.note")).hasValue("folder".getBytes(StandardCharsets.UTF_8));
        assertThat(root.getXattr("plain", "user.note")).isEmpty();
    }

    @Test
    void imageCannotSteerOverlayfs() throws IOException {
        unpack(new TarBytes()
                .pax("SCHILY.xattr.trusted.overlay.redirect", "/etc")
                .pax("SCHILY.xattr.trusted.overlay.opaque", "y")
                .pax("SCHILY.xattr.user.overlay.metacopy", "")
                .folder("d/", 0755));

        assertThat(root.listXattrs("d")).isEmpty();
    }

    @Test
    void turnsWhiteoutsIntoThoseOfOverlayfs() throws IOException {
        unpack(new TarBytes()
                .folder("etc/", 0755)
                .file("etc/.wh.gone", 0, "")
                .folder("opaque/", 0755)
                .file("opaque/.wh..wh..opq", 0, "")
                .file("opaque/new", 0644, "")
                .file("missing/parent/.wh..wh..opq", 0, "")
                .file(".wh..wh.plnk", 0, ""));

        FileStat whiteout = stat("etc/gone");
        assertThat(whiteout.type()).isEqualTo(FileStat.CHARACTER_DEVICE);
        assertThat(whiteout.rdevMajor()).isZero();
        assertThat(whiteout.rdevMinor()).isZero();
        assertThat(root.getXattr("opaque", "trusted.overlay.opaque")).hasValue(new byte[] {'y'});
        assertThat(stat("opaque/new").isRegular()).isTrue();
        try (Directory missing = root.openDirectory("missing")) {
            assertThat(missing.getXattr("parent", "trusted.overlay.opaque")).hasValue(new byte[] {'y'});
        }
        assertThat(root.list().stream().map(Directory.Entry::name))
                .containsExactlyInAnyOrder("etc", "opaque", "missing");
    }

    @Test
    void whiteoutAndNewContentOfOneNameHideTheLowerLayersOnly() throws IOException {
        unpack(new TarBytes()
                .file(".wh.before", 0, "")
                .folder("before/", 0755)
                .file("before/new", 0644, "")
                .folder("after/", 0755)
                .file("after/new", 0644, "")
                .file(".wh.after", 0, "")
                .file(".wh.implied", 0, "")
                .file("implied/new", 0644, "")
                .file(".wh.file", 0, "")
                .file("file", 0644, "new"));

        for (String name : new String[] {"before", "after", "implied"}) {
            assertThat(stat(name + "/new").isRegular()).as(name).isTrue();
            assertThat(root.getXattr(name, "trusted.overlay.opaque")).as(name).hasValue(new byte[] {'y'});
        }
        assertThat(text("file")).isEqualTo("new");
    }

    @Test
    void keepsNamesThatAreNotUtf8() throws IOException {
        String latin = "caf\u00e9";
        unpack(new TarBytes()
                .file(latin, 0644, "latin")
                .pax("path", "pax-" + latin)
                .file("x", 0644, "pax")
                .pax("linkpath", latin)
                .symlink("link", "x"));

        assertThat(root.stat(latin).isRegular()).isTrue();
        assertThat(root.stat("pax-" + latin).isRegular()).isTrue();
        assertThat(root.readlink("link")).isEqualTo(latin);
    }

    @Test
    void keepsLongNamesOfBothKinds() throws IOException {
        String deep = "d".repeat(200) + "/" + "e".repeat(200) + "/" + "f".repeat(255);
        unpack(new TarBytes()
                .gnuLongName(deep)
                .file("cut", 0644, "gnu")
                .pax("path", deep + "/../pax")
                .file("cut", 0644, "pax"));

        assertThat(text(deep)).isEqualTo("gnu");
        assertThat(text("d".repeat(200) + "/" + "e".repeat(200) + "/pax")).isEqualTo("pax");
    }

    @Test
    void laterMemberReplacesEarlierOneOfAnotherType() throws IOException {
        unpack(new TarBytes()
                .folder("a/", 0755)
                .file("a/below", 0644, "x")
                .file("a", 0644, "file")
                .file("b", 0644, "file")
                .folder("b/", 0711)
                .file("b/below", 0644, "y")
                .symlink("c", "b")
                .file("c/through", 0644, "z")
                .folder("c/", 0755)
                .file("c/own", 0644, "own")
                .file("d", 0644, "first, longer")
                .file("d", 0600, "second")
                .folder("e/", 0755)
                .file("e/stays", 0644, "")
                .folder("e/", 0700));

        assertThat(text("a")).isEqualTo("file");
        assertThat(text("b/below")).isEqualTo("y");
        assertThat(text("b/through")).isEqualTo("z");
        assertThat(stat("c").isDirectory()).isTrue();
        assertThat(text("c/own")).isEqualTo("own");
        assertThat(layer.resolve("c/through")).doesNotExist();
        assertThat(text("d")).isEqualTo("second");
        assertThat(stat("d").permissions()).isEqualTo(0600);
        assertThat(layer.resolve("e/stays")).exists();
        assertThat(stat("e").permissions()).isEqualTo(0700);
    }

    @Test
    void linksAreFollowedWithinTheLayerOnly() throws IOException {
        unpack(new TarBytes()
                .folder("usr/", 0755)
                .folder("usr/lib/", 0755)
                .symlink("lib", "usr/lib")
                .file("lib/relative", 0644, "r")
                .symlink("abs", "/usr/lib")
                .file("abs/absolute", 0644, "a")
                .symlink("up", "../../../../usr/lib")
                .file("up/clamped", 0644, "c")
                .symlink("out", folder.resolve("outside").toString())
                .symlink("usr/out", "../../outside"));

        assertThat(text("usr/lib/relative")).isEqualTo("r");
        assertThat(text("usr/lib/absolute")).isEqualTo("a");
        assertThat(text("usr/lib/clamped")).isEqualTo("c");
    }

    @ParameterizedTest
    @ValueSource(strings = {"absolute", "relative"})
    void nothingIsWrittenThroughALinkThatLeavesTheLayer(String kind) {
        String target = kind.equals("absolute") ? folder.resolve("outside").toString() : "../outside";
        for (String use : new String[] {"file", "folder", "link", "whiteout", "deep"}) {
            TarBytes tar = new TarBytes().symlink("out", target);
            switch (use) {
                case "file" -> tar.file("out/secret", 0644, "changed");
                case "folder" -> tar.folder("out/made/", 0777);
                case "link" -> tar.hardLink("stolen", "out/secret");
                case "whiteout" -> tar.file("out/.wh.secret", 0, "");
                default -> tar.file("out/a/b/c", 0644, "deep");
            }
            assertThatThrownBy(() -> unpack(tar)).as(use).isInstanceOf(TarFormatException.class);
            assertUntouched();
            closeRoot();
            try {
                Directory parent = Directory.open(folder);
                parent.deleteTree("layer");
                parent.close();
                Files.createDirectory(layer);
                root = Directory.open(layer);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }
    }

    private void assertUntouched() {
        try (var paths = Files.list(folder.resolve("outside"))) {
            assertThat(paths.toList()).containsExactly(folder.resolve("outside/secret"));
            assertThat(Files.readString(folder.resolve("outside/secret"))).isEqualTo("secret");
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"../outside/secret", "a/../../outside/secret", "..", "/..", "a/b/../../../x"})
    void pathsThatClimbOutAreRefused(String path) {
        assertThatThrownBy(() -> unpack(new TarBytes().file(path, 0644, "changed")))
                .isInstanceOf(TarFormatException.class);
        assertThatThrownBy(() -> unpack(new TarBytes().file("a", 0644, "").hardLink("b", path)))
                .isInstanceOf(TarFormatException.class);
        assertUntouched();
    }

    @Test
    void absolutePathsAreTheLayersOwn() throws IOException {
        unpack(new TarBytes().file(folder.resolve("outside/secret").toString(), 0644, "inside"));

        assertUntouched();
        assertThat(text(folder.resolve("outside/secret").toString().substring(1)))
                .isEqualTo("inside");
    }

    @Test
    void hardLinkToALinkDoesNotFollowIt() throws IOException {
        unpack(new TarBytes()
                .symlink("s", folder.resolve("outside/secret").toString())
                .hardLink("h", "s"));

        assertThat(stat("h").isSymlink()).isTrue();
        assertUntouched();
    }

    @Test
    void fileOverALinkReplacesTheLink() throws IOException {
        unpack(new TarBytes()
                .symlink("s", folder.resolve("outside/secret").toString())
                .file("s", 0644, "mine"));

        assertThat(text("s")).isEqualTo("mine");
        assertThat(stat("s").isRegular()).isTrue();
        assertUntouched();
    }

    @Test
    void archivesThatCannotBeAreRefused() {
        assertThatThrownBy(() -> unpack(new TarBytes().hardLink("a", "nowhere")))
                .isInstanceOf(TarFormatException.class)
                .hasMessageContaining("nowhere");
        assertThatThrownBy(() -> unpack(new TarBytes().file("a", 0644, "").file("a/b", 0644, "")))
                .isInstanceOf(TarFormatException.class);
        assertThatThrownBy(() -> unpack(new TarBytes().folder("d/", 0755).hardLink("x", "d")))
                .isInstanceOf(TarFormatException.class);
        assertThatThrownBy(() -> unpack(
                        new TarBytes().symlink("l1", "l2").symlink("l2", "l1").file("l1/x", 0644, "")))
                .isInstanceOf(TarFormatException.class);
        assertThatThrownBy(() -> unpack(new TarBytes().file("n".repeat(90) + "/.wh.", 0644, "")))
                .isInstanceOf(TarFormatException.class);
        assertThatThrownBy(
                        () -> unpack(new TarBytes().gnuLongName("x".repeat(256)).file("", 0644, "")))
                .isInstanceOf(TarFormatException.class);
        assertThatThrownBy(() ->
                        unpack(new TarBytes().gnuLongName("x/".repeat(3000)).file("", 0644, "")))
                .isInstanceOf(TarFormatException.class);
        assertThatThrownBy(() -> unpack(new TarBytes().member('0', ".", "", 0644, new byte[0], 0, 0)))
                .isInstanceOf(TarFormatException.class)
                .hasMessageContaining("without a name");
    }

    @Test
    void sparseFilesGetTheirHoles() throws IOException {
        byte[] map = "2\n0\n3\n1048576\n4\n".getBytes(StandardCharsets.US_ASCII);
        byte[] content = new byte[512 + 7];
        System.arraycopy(map, 0, content, 0, map.length);
        System.arraycopy("abcdefg".getBytes(StandardCharsets.US_ASCII), 0, content, 512, 7);
        unpack(new TarBytes()
                .pax("GNU.sparse.major", "1")
                .pax("GNU.sparse.minor", "0")
                .pax("GNU.sparse.name", "sparse")
                .pax("GNU.sparse.realsize", "2097152")
                .file("GNUSparseFile.0/sparse", 0644, content)
                .file("next", 0644, "next"));

        byte[] whole = Files.readAllBytes(layer.resolve("sparse"));
        assertThat(whole).hasSize(2097152);
        assertThat(new String(whole, 0, 4, StandardCharsets.US_ASCII)).isEqualTo("abc\0");
        assertThat(new String(whole, 1048576, 5, StandardCharsets.US_ASCII)).isEqualTo("defg\0");
        assertThat(stat("sparse").blocks()).isLessThan(100);
        assertThat(text("next")).isEqualTo("next");
    }

    @Test
    void interruptStopsIt() {
        Thread.currentThread().interrupt();

        assertThatThrownBy(() -> unpack(new TarBytes().file("a", 0644, ""))).isInstanceOf(InterruptedIOException.class);

        assertThat(Thread.interrupted()).isTrue();
    }

    @Test
    void manyOpenFoldersAreNoLimit() throws IOException {
        TarBytes tar = new TarBytes();
        for (int i = 0; i < 300; i++) {
            tar.file("d" + i + "/e/f", 0644, "" + i);
        }
        for (int i = 0; i < 300; i++) {
            tar.hardLink("d" + (299 - i) + "/e/g", "d" + i + "/e/f");
        }
        unpack(tar);

        assertThat(text("d299/e/g")).isEqualTo("0");
        try (var file = root.openFile("d0/e/g", OpenFlags.RDONLY, 0)) {
            assertThat(file.readAll(10)).isEqualTo("299".getBytes(StandardCharsets.US_ASCII));
        }
    }
}
