package io.gantry.runtime.streaming;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PingWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PongWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketCloseStatus;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** An exec or attach over WebSocket. */
@SuppressWarnings("FutureReturnValueIgnored") // a write that fails closes the channel, and that is seen
final class WebSocketProcess extends SimpleChannelInboundHandler<WebSocketFrame> implements ClientStreams {
    private static final Logger LOG = LoggerFactory.getLogger(WebSocketProcess.class);
    private static final int STDIN = 0;
    private static final int STDOUT = 1;
    private static final int STDERR = 2;
    private static final int ERROR = 3;
    private static final int RESIZE = 4;
    private static final int CLOSE_SIGNAL = 255;
    private static final int NONE = -1;

    /** A base64 message is decoded as a whole. */
    private static final int MAX_BASE64 = 1 << 20;

    private final WebSocketProtocol protocol;
    private final ClientConnection connection;
    private final ProcessStreams streams;
    private final InputQueue stdin;
    private final Resizes resizes = new Resizes();
    private final ProcessRelay relay;
    private final ByteArrayOutputStream base64 = new ByteArrayOutputStream();

    /** The channel of the message of which more fragments come. */
    private int current = NONE;

    WebSocketProcess(Target.Streams target, WebSocketProtocol protocol, ClientConnection connection) {
        this.protocol = protocol;
        this.connection = connection;
        this.streams = target.streams();
        this.stdin = new InputQueue(connection, () -> {});
        this.relay = new ProcessRelay(target, this, stdin, resizes);
    }

    /** After the handshake. */
    void start() {
        // As Kubernetes' own server: some clients take the first message for the sign that the connection stands.
        send(streams.stdout() ? STDOUT : streams.stderr() ? STDERR : ERROR, new byte[0]);
        relay.start();
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, WebSocketFrame frame) {
        connection.heard();
        switch (frame) {
            case PingWebSocketFrame ping ->
                connection.send(new PongWebSocketFrame(ping.content().retain()));
            case PongWebSocketFrame _ -> {}
            case CloseWebSocketFrame close -> {
                connection.send(close.retain());
                context.close();
            }
            default -> {
                connection.touch();
                byte[] bytes = ByteBufUtil.getBytes(frame.content());
                if (protocol.base64()) {
                    base64Part(bytes, frame.isFinalFragment());
                } else {
                    part(bytes, frame.isFinalFragment());
                }
            }
        }
    }

    private void part(byte[] bytes, boolean last) {
        if (current != NONE) {
            deliver(current, bytes);
        } else if (bytes.length > 0) {
            int channel = bytes[0] & 0xff;
            if (channel == CLOSE_SIGNAL && protocol.closeSignal()) {
                if (bytes.length == 2 && bytes[1] == STDIN) {
                    stdin.end();
                }
            } else {
                deliver(channel, Arrays.copyOfRange(bytes, 1, bytes.length));
            }
            current = channel;
        }
        if (last) {
            current = NONE;
        }
    }

    private void base64Part(byte[] bytes, boolean last) {
        if (base64.size() + bytes.length > MAX_BASE64) {
            throw new IllegalArgumentException("a base64 message of more than " + MAX_BASE64 + " bytes");
        }
        base64.writeBytes(bytes);
        if (!last) {
            return;
        }
        byte[] message = base64.toByteArray();
        base64.reset();
        if (message.length > 0) {
            deliver(message[0] - '0', Base64.getMimeDecoder().decode(Arrays.copyOfRange(message, 1, message.length)));
        }
    }

    private void deliver(int channel, byte[] bytes) {
        if (channel == STDIN && streams.stdin()) {
            stdin.data(bytes);
        } else if (channel == RESIZE && streams.terminal()) {
            resizes.data(bytes);
        }
    }

    @Override
    public boolean output(boolean stderr, byte[] data) {
        return connection.write(message(stderr ? STDERR : STDOUT, data));
    }

    @Override
    public void finish(Outcome outcome) {
        String told = protocol.json() ? outcome.json() : outcome.text();
        if (!told.isEmpty()) {
            send(ERROR, told.getBytes(StandardCharsets.UTF_8));
        }
        connection.send(new CloseWebSocketFrame(WebSocketCloseStatus.NORMAL_CLOSURE));
        connection.closeAfterClient();
    }

    private void send(int channel, byte[] data) {
        connection.send(message(channel, data));
    }

    private WebSocketFrame message(int channel, byte[] data) {
        if (protocol.base64()) {
            return new TextWebSocketFrame(channel + Base64.getEncoder().encodeToString(data));
        }
        ByteBuf bytes = Unpooled.buffer(1 + data.length);
        return new BinaryWebSocketFrame(bytes.writeByte(channel).writeBytes(data));
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        connection.wake();
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        connection.wake();
        relay.hangUp();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        LOG.debug("closing a WebSocket: {}", cause.toString());
        context.close();
    }
}
