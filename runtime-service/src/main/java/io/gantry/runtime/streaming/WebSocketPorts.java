package io.gantry.runtime.streaming;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Port-forwards over WebSocket as Kubernetes' clients in Python and JavaScript ask for them: the ports are named beforehand, one connection
 * to each, with two channels for its data and its errors. Each channel begins with the number of its port, two bytes, the lower one first.
 */
final class WebSocketPorts implements WebSocketChannels.User {
    /** Two channels each, and base64 writes a channel as one character. */
    static final int MAX_PORTS = 32;

    private final PortSource source;
    private final List<Integer> ports;
    private final ClientConnection connection;
    private final WebSocketChannels channels;
    private final Port[] data;
    private final Set<PortConnection> open = ConcurrentHashMap.newKeySet();
    private final AtomicInteger living;

    WebSocketPorts(Target.Ports target, WebSocketProtocol protocol, ClientConnection connection) {
        this.source = target.source();
        this.ports = target.ports();
        this.connection = connection;
        this.channels = new WebSocketChannels(protocol, connection, this);
        this.data = new Port[ports.size()];
        this.living = new AtomicInteger(2 * ports.size());
    }

    WebSocketChannels channels() {
        return channels;
    }

    /** One of a pair of channels. */
    private final class Port implements PortStream {
        private final int channel;
        private StreamInput input = StreamInput.NONE;
        private boolean ended;

        private Port(int channel) {
            this.channel = channel;
        }

        @Override
        public void deliverTo(StreamInput next) {
            input = next;
        }

        @Override
        public boolean write(byte[] bytes) {
            synchronized (this) {
                if (ended) {
                    return true;
                }
            }
            return bytes.length == 0 || channels.write(channel, bytes);
        }

        /** A channel's end cannot be told; when all have ended, the WebSocket does. */
        @Override
        public void end() {
            synchronized (this) {
                if (ended) {
                    return;
                }
                ended = true;
            }
            if (living.decrementAndGet() == 0) {
                channels.finish();
            }
        }

        @Override
        public void cancel() {
            end();
        }
    }

    @Override
    public void opened() {
        for (int i = 0; i < data.length; i++) {
            int number = ports.get(i);
            byte[] told = {(byte) number, (byte) (number >> 8)};
            Port stream = new Port(2 * i);
            Port error = new Port(2 * i + 1);
            data[i] = stream;
            channels.send(stream.channel, told);
            channels.send(error.channel, told);
            PortConnection forwarded = new PortConnection(source, number, error, stream, connection, open);
            open.add(forwarded);
            forwarded.start();
        }
    }

    @Override
    public void data(int channel, byte[] bytes) {
        if (channel % 2 == 0 && channel / 2 < data.length && bytes.length > 0) {
            data[channel / 2].input.data(bytes);
        }
    }

    @Override
    public void ended(int channel) {
        if (channel % 2 == 0 && channel / 2 < data.length) {
            data[channel / 2].input.end();
        }
    }

    @Override
    public void gone() {
        open.forEach(PortConnection::abort);
    }
}
