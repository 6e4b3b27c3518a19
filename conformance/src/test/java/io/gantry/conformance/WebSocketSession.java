package io.gantry.conformance;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.ReentrantLock;

/** An exec or attach over a WebSocket, by the JDK's client, with v5.channel.k8s.io: the first byte of a message is its channel. */
final class WebSocketSession implements StreamSession {
    private static final int STDIN = 0;
    private static final int RESIZE = 4;
    private static final int END = 255;
    private static final int MAX_PIECE = 32 << 10;

    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final HttpClient http = HttpClient.newBuilder().executor(threads).build();
    private final ReentrantLock sending = new ReentrantLock();
    private final StreamChannel[] channels = new StreamChannel[RESIZE + 1];
    private final WebSocket socket;

    WebSocketSession(String url) throws IOException {
        for (int i = 0; i < channels.length; i++) {
            channels[i] = new StreamChannel(new Sender(i));
        }
        try {
            socket = http.newWebSocketBuilder()
                    .subprotocols("v5.channel.k8s.io")
                    .buildAsync(URI.create(url.replaceFirst("^http", "ws")), new Receiver())
                    .get();
        } catch (ExecutionException e) {
            throw new IOException(e);
        } catch (InterruptedException e) {
            throw new InterruptedIOException();
        }
    }

    private final class Sender implements StreamChannel.Output {
        private final int channel;

        private Sender(int channel) {
            this.channel = channel;
        }

        @Override
        public void send(byte[] data, boolean last) throws IOException {
            for (int at = 0; at < data.length; at += MAX_PIECE) {
                int count = Math.min(MAX_PIECE, data.length - at);
                message(ByteBuffer.allocate(1 + count)
                        .put((byte) channel)
                        .put(data, at, count)
                        .flip());
            }
            if (last) {
                message(ByteBuffer.wrap(new byte[] {(byte) END, (byte) channel}));
            }
        }

        @Override
        public void reset() {
            throw new UnsupportedOperationException("a WebSocket's channels cannot be reset");
        }
    }

    private void message(ByteBuffer bytes) throws IOException {
        sending.lock();
        try {
            socket.sendBinary(bytes, true).get();
        } catch (ExecutionException e) {
            throw new IOException(e);
        } catch (InterruptedException e) {
            throw new InterruptedIOException();
        } finally {
            sending.unlock();
        }
    }

    private final class Receiver implements WebSocket.Listener {
        private int current = -1;

        @Override
        public CompletionStage<?> onBinary(WebSocket from, ByteBuffer data, boolean last) {
            try {
                if (current < 0 && data.hasRemaining()) {
                    current = data.get();
                }
                if (data.hasRemaining()) {
                    byte[] bytes = new byte[data.remaining()];
                    data.get(bytes);
                    channels[current].received(bytes);
                }
                if (last) {
                    current = -1;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            from.request(1);
            return java.util.concurrent.CompletableFuture.completedFuture(null);
        }

        @Override
        public CompletionStage<?> onClose(WebSocket from, int code, String reason) {
            end(code != WebSocket.NORMAL_CLOSURE);
            return java.util.concurrent.CompletableFuture.completedFuture(null);
        }

        @Override
        public void onError(WebSocket from, Throwable failure) {
            end(true);
        }

        private void end(boolean broken) {
            for (StreamChannel channel : channels) {
                threads.execute(() -> {
                    try {
                        channel.ended(broken);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                });
            }
        }
    }

    @Override
    public StreamChannel stdin() {
        return channels[STDIN];
    }

    @Override
    public StreamChannel stdout() {
        return channels[1];
    }

    @Override
    public StreamChannel stderr() {
        return channels[2];
    }

    @Override
    public StreamChannel error() {
        return channels[3];
    }

    @Override
    public void resize(int width, int height) throws IOException {
        channels[RESIZE].write(
                ("{\"Width\":" + width + ",\"Height\":" + height + "}\n").getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public void close() {
        socket.abort();
        http.shutdownNow();
        threads.shutdownNow();
    }
}
