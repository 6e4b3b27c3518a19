package io.gantry.runtime.streaming;

import java.nio.charset.StandardCharsets;

/** An exec or attach over WebSocket. */
final class WebSocketProcess implements WebSocketChannels.User, ClientStreams {
    private static final int STDIN = 0;
    private static final int STDOUT = 1;
    private static final int STDERR = 2;
    private static final int ERROR = 3;
    private static final int RESIZE = 4;

    private final WebSocketProtocol protocol;
    private final ProcessStreams streams;
    private final InputQueue stdin;
    private final Resizes resizes = new Resizes();
    private final ProcessRelay relay;
    private final WebSocketChannels channels;

    WebSocketProcess(Target.Streams target, WebSocketProtocol protocol, ClientConnection connection) {
        this.protocol = protocol;
        this.streams = target.streams();
        this.stdin = InputQueue.stdin(connection, target.streams());
        this.relay = new ProcessRelay(target, this, stdin, resizes);
        this.channels = new WebSocketChannels(protocol, connection, this);
    }

    WebSocketChannels channels() {
        return channels;
    }

    @Override
    public void opened() {
        // As Kubernetes' own server: some clients take the first message for the sign that the connection stands.
        channels.send(streams.stdout() ? STDOUT : streams.stderr() ? STDERR : ERROR, new byte[0]);
        relay.start();
    }

    @Override
    public void data(int channel, byte[] bytes) {
        if (channel == STDIN && streams.stdin()) {
            stdin.data(bytes);
        } else if (channel == RESIZE && streams.terminal()) {
            resizes.data(bytes);
        }
    }

    @Override
    public void ended(int channel) {
        if (channel == STDIN) {
            stdin.end();
        }
    }

    @Override
    public void gone() {
        relay.hangUp();
    }

    @Override
    public boolean output(boolean stderr, byte[] data) {
        return channels.write(stderr ? STDERR : STDOUT, data);
    }

    @Override
    public void finish(Outcome outcome) {
        String told = protocol.json() ? outcome.json() : outcome.text();
        if (!told.isEmpty()) {
            channels.send(ERROR, told.getBytes(StandardCharsets.UTF_8));
        }
        channels.finish();
    }
}
