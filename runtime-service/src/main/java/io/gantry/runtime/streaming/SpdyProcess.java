package io.gantry.runtime.streaming;

import io.netty.handler.codec.spdy.SpdyStreamStatus;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** An exec or attach over SPDY: a stream for each of the process's, one for its outcome, one for the sizes of its terminal. */
final class SpdyProcess implements SpdyConnection.User, ClientStreams {
    private static final String ERROR = "error";
    private static final String STDIN = "stdin";
    private static final String STDOUT = "stdout";
    private static final String STDERR = "stderr";
    private static final String RESIZE = "resize";

    /** From v4 on the outcome is JSON. */
    private final boolean json;

    private final ClientConnection connection;
    private final Set<String> missing = new HashSet<>();
    private final Map<String, SpdyStream> streams = new HashMap<>();
    private final InputQueue stdin;
    private final Resizes resizes = new Resizes();
    private final ProcessRelay relay;

    /** @param version of the protocol, 1 to 4 */
    SpdyProcess(Target.Streams target, int version, ClientConnection connection) {
        this.json = version >= 4;
        this.connection = connection;
        this.stdin = InputQueue.stdin(connection, target.streams());
        this.relay = new ProcessRelay(target, this, stdin, resizes);
        ProcessStreams wanted = target.streams();
        missing.add(ERROR);
        if (wanted.stdin()) {
            missing.add(STDIN);
        }
        if (wanted.stdout()) {
            missing.add(STDOUT);
        }
        if (wanted.stderr() && !wanted.terminal()) {
            missing.add(STDERR);
        }
        // Clients of v1 and v2 know no sizes.
        if (wanted.terminal() && version >= 3) {
            missing.add(RESIZE);
        }
        connection.afterCreation(this::giveUpIfIncomplete);
    }

    private void giveUpIfIncomplete() {
        if (!missing.isEmpty()) {
            connection.close();
        }
    }

    @Override
    public void opened(SpdyStream stream) {
        if (!missing.remove(stream.type())) {
            stream.reset(SpdyStreamStatus.REFUSED_STREAM);
            return;
        }
        streams.put(stream.type(), stream);
        switch (stream.type()) {
            case STDIN -> stream.deliverTo(stdin);
            case RESIZE -> stream.deliverTo(resizes);
            default -> stream.deliverTo(StreamInput.NONE);
        }
        if (missing.isEmpty()) {
            relay.start();
        }
    }

    @Override
    public void gone() {
        relay.hangUp();
    }

    @Override
    public boolean output(boolean stderr, byte[] data) {
        SpdyStream stream = streams.get(stderr ? STDERR : STDOUT);
        return stream == null || stream.write(data);
    }

    @Override
    public void finish(Outcome outcome) {
        end(streams.get(STDOUT));
        end(streams.get(STDERR));
        SpdyStream error = streams.get(ERROR);
        if (error != null) {
            error.write((json ? outcome.json() : outcome.text()).getBytes(StandardCharsets.UTF_8));
            error.end();
        }
        connection.closeAfterClient();
    }

    private static void end(@Nullable SpdyStream stream) {
        if (stream != null) {
            stream.end();
        }
    }
}
