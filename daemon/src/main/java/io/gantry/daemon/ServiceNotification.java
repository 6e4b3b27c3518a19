package io.gantry.daemon;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import jnr.unixsocket.UnixDatagramChannel;
import jnr.unixsocket.UnixSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Tells the service manager how we are (sd_notify(3)): a datagram to the socket that {@code NOTIFY_SOCKET} names. The JDK has no Unix
 * datagrams; jnr-unixsocket does, and is loaded only where the variable is set (docs/decisions).
 */
final class ServiceNotification {
    private final @Nullable String address;

    ServiceNotification(@Nullable String notifySocket) {
        this.address = notifySocket;
    }

    void ready(String status) throws IOException {
        send("READY=1\nSTATUS=" + status);
    }

    void stopping() throws IOException {
        send("STOPPING=1");
    }

    private void send(String state) throws IOException {
        if (address == null || address.isEmpty()) {
            return;
        }
        // A leading @ stands for the NUL of an abstract address.
        UnixSocketAddress target = address.startsWith("@")
                ? new UnixSocketAddress('\0' + address.substring(1))
                : new UnixSocketAddress(Path.of(address).toFile());
        try (UnixDatagramChannel channel = UnixDatagramChannel.open()) {
            channel.send(ByteBuffer.wrap(state.getBytes(StandardCharsets.UTF_8)), target);
        }
    }
}
