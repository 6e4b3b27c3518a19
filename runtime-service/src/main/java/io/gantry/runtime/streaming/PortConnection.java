package io.gantry.runtime.streaming;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One forwarded connection: two streams of the client's and a socket to the pod. A text on the error stream makes clients drop all their
 * connections, so it is sent only where the pod's port cannot be reached; a connection that breaks later ends by a reset of its own stream.
 */
final class PortConnection {
    private static final int BUFFER = 32 << 10;

    private final PortSource source;
    private final int port;
    private final PortStream error;
    private final PortStream data;
    private final InputQueue upload;
    private final Set<PortConnection> open;
    private @Nullable SocketChannel socket;
    private boolean aborted;

    /** @param open all of the same client's, where this one is until it has ended */
    PortConnection(
            PortSource source,
            int port,
            PortStream error,
            PortStream data,
            ClientConnection client,
            Set<PortConnection> open) {
        this.source = source;
        this.port = port;
        this.error = error;
        this.data = data;
        this.open = open;
        this.upload = new InputQueue(client, this::stalled);
        data.deliverTo(new StreamInput() {
            @Override
            public void data(byte[] bytes) {
                upload.data(bytes);
            }

            @Override
            public void end() {
                upload.end();
            }

            @Override
            public void reset() {
                abort();
            }
        });
    }

    /** Begins, on threads of its own. */
    void start() {
        Thread.ofVirtual().name("gantry-portforward").start(this::run);
    }

    /** A process that reads nothing must not stop the others on the same connection for ever; alone it may. */
    private void stalled() {
        if (open.size() > 1) {
            abort();
        }
    }

    /** Ends it in both directions, now. */
    void abort() {
        upload.discard();
        SocketChannel connected;
        synchronized (this) {
            aborted = true;
            connected = socket;
        }
        if (connected != null) {
            close(connected);
        }
    }

    private synchronized boolean hold(SocketChannel connected) {
        socket = connected;
        return !aborted;
    }

    private void run() {
        try (SocketChannel connected = source.connect(port)) {
            if (hold(connected)) {
                Thread uploading =
                        Thread.ofVirtual().name("gantry-portforward-upload").start(() -> upload(connected));
                download(connected);
                uploading.join();
            } else {
                data.cancel();
            }
        } catch (IOException e) {
            // Closing a socket that was connected loses nothing; so this is the connecting.
            error.write(("error forwarding port " + port + ": " + e.getMessage()).getBytes(StandardCharsets.UTF_8));
        } catch (InterruptedException e) {
            data.cancel();
        } finally {
            error.end();
            data.end();
            upload.discard();
            open.remove(this);
        }
    }

    /** From the pod to the client, until either ends. Clients wait for the end of the error stream before they let their own side go. */
    private void download(SocketChannel connected) {
        ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
        try {
            while (connected.read(buffer) >= 0) {
                byte[] bytes = new byte[buffer.flip().remaining()];
                buffer.get(bytes).clear();
                if (!data.write(bytes)) {
                    abort();
                    return;
                }
            }
            data.end();
            error.end();
        } catch (IOException e) {
            // The pod's reset, or abort().
            error.end();
            data.cancel();
            abort();
        }
    }

    private void upload(SocketChannel connected) {
        try {
            byte[] piece = upload.take();
            while (piece != null) {
                ByteBuffer bytes = ByteBuffer.wrap(piece);
                while (bytes.hasRemaining()) {
                    connected.write(bytes);
                }
                piece = upload.take();
            }
            connected.shutdownOutput();
        } catch (IOException e) {
            // The pod takes no more; what it sent before is still to be read.
            upload.discard();
        }
    }

    private static void close(SocketChannel connected) {
        try {
            connected.close();
        } catch (IOException e) {
            // Nothing was buffered here.
        }
    }
}
