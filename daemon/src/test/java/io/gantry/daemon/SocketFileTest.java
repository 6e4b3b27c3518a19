package io.gantry.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SocketFileTest {
    @TempDir
    private Path folder;

    private ServerSocketChannel listen(Path path) throws Exception {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(path));
        return server;
    }

    @Test
    void makesItsFolder() throws Exception {
        new SocketFile(folder.resolve("new").resolve("s")).claim();
        assertThat(folder.resolve("new")).isDirectory();
    }

    @Test
    void replacesAStaleSocket() throws Exception {
        Path path = folder.resolve("s");
        listen(path).close();
        assertThat(path).exists();

        new SocketFile(path).claim();
        assertThat(path).doesNotExist();
    }

    @Test
    void refusesALiveSocket() throws Exception {
        Path path = folder.resolve("s");
        try (ServerSocketChannel _ = listen(path)) {
            assertThatThrownBy(() -> new SocketFile(path).claim())
                    .isInstanceOf(ConfigException.class)
                    .hasMessageContaining("another process already serves it");
        }
    }

    @Test
    void leavesAnotherFileAlone() throws Exception {
        Path path = Files.writeString(folder.resolve("s"), "mine");
        assertThatThrownBy(() -> new SocketFile(path).claim())
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("not a socket");
        assertThat(path).hasContent("mine");
    }

    @Test
    void refusesAPathThatTheKernelCannotHold() {
        assertThatThrownBy(() -> new SocketFile(Path.of("/" + "x".repeat(107))).claim())
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("unix(7)");
    }

    @Test
    void opensToRootAndAGroup() throws Exception {
        Path path = folder.resolve("s");
        try (ServerSocketChannel _ = listen(path)) {
            new SocketFile(path).open("daemon");
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                    .isEqualTo("rw-rw----");
            assertThat(Files.getAttribute(path, "posix:group")).hasToString("daemon");
            assertThatThrownBy(() -> new SocketFile(path).open("no-such-group"))
                    .isInstanceOf(ConfigException.class)
                    .hasMessageContaining("no-such-group");
        }
    }
}
