package io.gantry.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import jnr.unixsocket.UnixDatagramChannel;
import jnr.unixsocket.UnixSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ServiceNotificationTest {
    @TempDir
    private Path folder;

    /** A service manager of our own: the path form and the abstract one. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void tellsTheServiceManager(boolean isAbstract) throws Exception {
        String name = isAbstract
                ? "gantry-test-" + ProcessHandle.current().pid()
                : folder.resolve("notify").toString();
        try (UnixDatagramChannel manager = UnixDatagramChannel.open()) {
            manager.bind(new UnixSocketAddress(isAbstract ? '\0' + name : name));
            ServiceNotification notification = new ServiceNotification(isAbstract ? "@" + name : name);

            notification.ready("serving");
            assertThat(receive(manager)).isEqualTo("READY=1\nSTATUS=serving");
            notification.stopping();
            assertThat(receive(manager)).isEqualTo("STOPPING=1");
        }
    }

    private static String receive(UnixDatagramChannel manager) throws Exception {
        ByteBuffer buffer = ByteBuffer.allocate(256);
        manager.receive(buffer);
        return StandardCharsets.UTF_8.decode(buffer.flip()).toString();
    }

    @Test
    void saysNothingWithoutAServiceManager() {
        assertThatCode(() -> new ServiceNotification(null).ready("x")).doesNotThrowAnyException();
        assertThatCode(() -> new ServiceNotification("").stopping()).doesNotThrowAnyException();
    }
}
