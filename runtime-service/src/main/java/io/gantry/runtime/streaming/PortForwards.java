package io.gantry.runtime.streaming;

import io.netty.handler.codec.spdy.SpdyStreamStatus;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The forwarded connections of one client: for each the client opens two streams, {@code error} and {@code data}, with the same request id.
 * What happens on one pair does not concern the others.
 */
final class PortForwards implements SpdyConnection.User {
    private static final String ERROR = "error";
    private static final String DATA = "data";
    private static final int MAX_PORT = 65535;

    /** Of a request id; clients count 0, 1, 2. */
    private static final int MAX_ID = 64;

    private final PortSource source;
    private final ClientConnection client;

    /** The first stream of a pair, by request id, the oldest first. Used on the event loop only. */
    private final Map<String, SpdyStream> waiting = new LinkedHashMap<>();

    private boolean watched;

    private final Set<PortConnection> open = ConcurrentHashMap.newKeySet();

    PortForwards(PortSource source, ClientConnection client) {
        this.source = source;
        this.client = client;
    }

    @Override
    public void opened(SpdyStream stream) {
        int port = port(stream.port());
        boolean error = stream.type().equals(ERROR);
        if (port == 0
                || (!error && !stream.type().equals(DATA))
                || stream.requestId().length() > MAX_ID) {
            stream.reset(SpdyStreamStatus.REFUSED_STREAM);
            return;
        }
        String request = requestId(stream, error);
        SpdyStream first = waiting.remove(request);
        if (first == null) {
            waiting.put(request, stream);
            stream.deliverTo(new Alone(request, stream));
            watch();
            return;
        }
        if (first.type().equals(stream.type()) || !first.port().equals(stream.port())) {
            first.reset(SpdyStreamStatus.PROTOCOL_ERROR);
            stream.reset(SpdyStreamStatus.PROTOCOL_ERROR);
            return;
        }
        PortConnection connection =
                new PortConnection(source, port, error ? stream : first, error ? first : stream, client, open);
        open.add(connection);
        connection.start();
    }

    /** Data before the pair is complete would come from no known client, so it is dropped. */
    private final class Alone implements StreamInput {
        private final String request;
        private final SpdyStream stream;

        private Alone(String request, SpdyStream stream) {
            this.request = request;
            this.stream = stream;
        }

        @Override
        public void data(byte[] bytes) {}

        @Override
        public void end() {}

        @Override
        public void reset() {
            waiting.remove(request, stream);
        }
    }

    /** One timer for all, since a client may open and reset streams without end: what is there now has gone by the next look but one. */
    private void watch() {
        if (watched) {
            return;
        }
        watched = true;
        Map<String, SpdyStream> before = Map.copyOf(waiting);
        client.afterCreation(() -> {
            watched = false;
            before.forEach((request, stream) -> {
                if (waiting.remove(request, stream)) {
                    stream.reset(SpdyStreamStatus.CANCEL);
                }
            });
            if (!waiting.isEmpty()) {
                watch();
            }
        });
    }

    private static int port(String text) {
        try {
            int port = Integer.parseInt(text);
            return port >= 1 && port <= MAX_PORT ? port : 0;
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    /** Clients before Kubernetes 1.2 give none: their error stream comes first, their data stream has the next odd number. */
    private static String requestId(SpdyStream stream, boolean error) {
        if (!stream.requestId().isEmpty()) {
            return stream.requestId();
        }
        return String.valueOf(error ? stream.id() : stream.id() - 2);
    }

    @Override
    public void gone() {
        open.forEach(PortConnection::abort);
    }
}
