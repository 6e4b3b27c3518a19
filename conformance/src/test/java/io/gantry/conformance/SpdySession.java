package io.gantry.conformance;

import java.io.IOException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** An exec or attach over SPDY. */
final class SpdySession implements StreamSession {
    private final SpdyConnection connection;
    private final StreamChannel error;
    private final @Nullable StreamChannel stdin;
    private final @Nullable StreamChannel stdout;
    private final @Nullable StreamChannel stderr;
    private final @Nullable StreamChannel resize;

    SpdySession(String url, Wanted wanted) throws IOException {
        connection = new SpdyConnection(url, "v4.channel.k8s.io");
        error = connection.open("streamtype", "error");
        stdin = wanted.stdin() ? connection.open("streamtype", "stdin") : null;
        stdout = wanted.stdout() ? connection.open("streamtype", "stdout") : null;
        stderr = wanted.stderr() ? connection.open("streamtype", "stderr") : null;
        resize = wanted.tty() ? connection.open("streamtype", "resize") : null;
    }

    @Override
    public StreamChannel stdin() {
        return Objects.requireNonNull(stdin);
    }

    @Override
    public StreamChannel stdout() {
        return Objects.requireNonNull(stdout);
    }

    @Override
    public StreamChannel stderr() {
        return Objects.requireNonNull(stderr);
    }

    @Override
    public StreamChannel error() {
        return error;
    }

    @Override
    public void resize(int width, int height) throws IOException {
        Objects.requireNonNull(resize).write("{\"Width\":" + width + ",\"Height\":" + height + "}\n");
    }

    @Override
    public void close() {
        connection.close();
    }
}
