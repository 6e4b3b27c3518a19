package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UsersTest {
    private static final UserFiles FILES = new UserFiles("""
            root:x:0:0:root:/root:/bin/sh
            # a comment:x:5:5::/x:
            broken line
            www:x:33:34::/srv/www:/bin/false
            1000:x:77:78::/digits:
            short:x:88:89
            default-user:x:1000:1001::/home/d:/bin/sh
            """, """
            root:x:0:
            www:x:34:
            staff:x:50:www,default-user
            group-defined-in-image:x:50000:default-user
            """);

    private static ContainerUser resolve(
            String image, @Nullable Long uid, String name, @Nullable Long gid, List<Long> groups, boolean strict)
            throws SandboxException {
        return Users.resolve(new Users.Request(image, uid, name, gid, groups, strict), FILES);
    }

    private static ContainerUser image(String user) throws SandboxException {
        return resolve(user, null, "", null, List.of(), false);
    }

    @Test
    void theUserOfAnImage() throws Exception {
        assertThat(image("")).isEqualTo(new ContainerUser(0, 0, List.of(0), "/root"));
        assertThat(image("www")).isEqualTo(new ContainerUser(33, 34, List.of(34, 50), "/srv/www"));
        assertThat(image("33")).isEqualTo(new ContainerUser(33, 34, List.of(34, 50), "/srv/www"));
        assertThat(image("www:staff")).isEqualTo(new ContainerUser(33, 50, List.of(50), "/srv/www"));
        assertThat(image("www:7")).isEqualTo(new ContainerUser(33, 7, List.of(7, 50), "/srv/www"));
        assertThat(image("4711")).isEqualTo(new ContainerUser(4711, 0, List.of(0), "/"));
        assertThat(image("4711:12")).isEqualTo(new ContainerUser(4711, 12, List.of(12), "/"));
        assertThat(image(":staff")).isEqualTo(new ContainerUser(0, 50, List.of(50), "/root"));
        assertThat(image("1000")).as("a name of digits").isEqualTo(new ContainerUser(77, 78, List.of(78), "/digits"));
        assertThat(image("short")).isEqualTo(new ContainerUser(88, 89, List.of(89), "/"));
    }

    @Test
    void thePodsSecurityContextGoesFirst() throws Exception {
        assertThat(resolve("www:staff", 0L, "", null, List.of(), false))
                .isEqualTo(new ContainerUser(0, 0, List.of(0), "/root"));
        assertThat(resolve("root", null, "www", null, List.of(), false))
                .isEqualTo(new ContainerUser(33, 34, List.of(34, 50), "/srv/www"));
        assertThat(resolve("root", 33L, "", 12L, List.of(), false))
                .isEqualTo(new ContainerUser(33, 12, List.of(12, 50), "/srv/www"));
        assertThat(resolve("root", null, "default-user", 1234L, List.of(7L, 7L), false))
                .isEqualTo(new ContainerUser(1000, 1234, List.of(1234, 7, 50, 50000), "/home/d"));
    }

    @Test
    void mergeAndStrict() throws Exception {
        assertThat(resolve("", null, "default-user", 1000L, List.of(1234L), false)
                        .groups())
                .containsExactly(1000, 1234, 50, 50000);
        assertThat(resolve("", null, "default-user", 1000L, List.of(1234L), true)
                        .groups())
                .containsExactly(1000, 1234);
    }

    @Test
    void whatCannotBeResolved() {
        assertThatThrownBy(() -> image("nobody-here"))
                .hasMessage("there is no user 'nobody-here' in /etc/passwd of the image")
                .isInstanceOfSatisfying(
                        SandboxException.class, e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.NOT_FOUND));
        assertThatThrownBy(() -> image("www:nogroup")).hasMessageContaining("there is no group 'nogroup'");
        assertThatThrownBy(() -> image("3000000000")).hasMessageContaining("out of the range");
        assertThatThrownBy(() -> image("99999999999999999999")).hasMessageContaining("out of the range");
        assertThatThrownBy(() -> resolve("", -1L, "", null, List.of(), false)).hasMessageContaining("out of the range");
        assertThatThrownBy(() -> resolve("www", null, "", 5L, List.of(), false))
                .isInstanceOfSatisfying(
                        SandboxException.class, e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.INVALID));
    }

    @Test
    @Tag("privileged")
    void readsThemFromLayers(@TempDir Path folder) throws Exception {
        List<Path> layers = new ArrayList<>();
        for (String name : List.of("top", "bottom")) {
            layers.add(
                    Files.createDirectories(folder.resolve(name).resolve("etc")).getParent());
        }
        Files.writeString(folder.resolve("bottom/etc/passwd"), "below");
        Files.writeString(folder.resolve("bottom/etc/group"), "groups");
        // A link that leaves the root must lead to the image's file, not to the machine's.
        Files.createSymbolicLink(folder.resolve("top/etc/passwd"), Path.of("../../../../etc/users"));
        Files.writeString(folder.resolve("top/etc/users"), "linked");
        assertThat(RootfsReader.userFiles(layers)).isEqualTo(new UserFiles("linked", "groups"));
        assertThat(RootfsReader.userFiles(layers.subList(1, 2))).isEqualTo(new UserFiles("below", "groups"));
        assertThat(RootfsReader.userFiles(List.of())).isEqualTo(UserFiles.EMPTY);

        Files.delete(folder.resolve("top/etc/passwd"));
        new ProcessBuilder("mkfifo", folder.resolve("top/etc/passwd").toString())
                .start()
                .waitFor();
        assertThatThrownBy(() -> RootfsReader.userFiles(layers)).hasMessageContaining("not a regular file");
        Files.delete(folder.resolve("top/etc/passwd"));
        Files.write(folder.resolve("top/etc/passwd"), new byte[(4 << 20) + 1]);
        assertThatThrownBy(() -> RootfsReader.userFiles(layers)).hasMessageContaining("EFBIG");
    }
}
