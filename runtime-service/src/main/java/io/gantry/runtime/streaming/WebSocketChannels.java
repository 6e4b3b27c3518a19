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
import java.util.Arrays;
import java.util.Base64;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The numbered channels of a WebSocket: each message begins with its channel's number, as a byte or as a digit before base64. */
@SuppressWarnings("FutureReturnValueIgnored") // a write that fails closes the channel, and that is seen
final class WebSocketChannels extends SimpleChannelInboundHandler<WebSocketFrame> {
    private static final Logger LOG = LoggerFactory.getLogger(WebSocketChannels.class);
    private static final int CLOSE_SIGNAL = 255;
    private static final int NONE = -1;

    /** Who uses the channels. Called on the event loop. */
    interface User {
        /** The handshake is done. */
        void opened();

        void data(int channel, byte[] bytes);

        /** The client sends no more on a channel. */
        void ended(int channel);

        /** The client has gone. */
        void gone();
    }

    private final WebSocketProtocol protocol;
    private final ClientConnection connection;
    private final User user;

    /** Our end of it has been sent. */
    private volatile boolean finished;

    /** The channel of the message of which more comes. */
    private int current = NONE;

    /** Up to three characters of base64 that wait for the fourth. */
    private byte[] rest = {};

    WebSocketChannels(WebSocketProtocol protocol, ClientConnection connection, User user) {
        this.protocol = protocol;
        this.connection = connection;
        this.user = user;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, WebSocketFrame frame) {
        connection.heard();
        switch (frame) {
            case PingWebSocketFrame ping ->
                connection.send(new PongWebSocketFrame(ping.content().retain()));
            case PongWebSocketFrame _ -> {}
            case CloseWebSocketFrame close -> {
                // An answer to ours is not answered.
                if (!finished) {
                    connection.send(close.retain());
                }
                context.close();
            }
            default -> {
                connection.touch();
                part(ByteBufUtil.getBytes(frame.content()), frame.isFinalFragment());
            }
        }
    }

    private void part(byte[] bytes, boolean last) {
        byte[] content = bytes;
        if (current == NONE && bytes.length > 0) {
            current = protocol.base64() ? bytes[0] - '0' : bytes[0] & 0xff;
            content = Arrays.copyOfRange(bytes, 1, bytes.length);
        }
        if (current == CLOSE_SIGNAL && protocol.closeSignal()) {
            if (content.length == 1) {
                user.ended(content[0] & 0xff);
            }
        } else if (current != NONE) {
            user.data(current, protocol.base64() ? decoded(content, last) : content);
        }
        if (last) {
            current = NONE;
            rest = new byte[0];
        }
    }

    private byte[] decoded(byte[] text, boolean last) {
        byte[] all = Arrays.copyOf(rest, rest.length + text.length);
        int length = rest.length;
        for (byte character : text) {
            if (character > ' ') {
                all[length++] = character;
            }
        }
        int whole = last ? length : length - length % 4;
        rest = Arrays.copyOfRange(all, whole, length);
        return Base64.getDecoder().decode(Arrays.copyOf(all, whole));
    }

    /**
     * Sends data; blocks while the client takes none.
     *
     * @return false if the client has gone
     */
    boolean write(int channel, byte[] data) {
        return connection.write(message(channel, data));
    }

    /** Sends what is small, at once. */
    void send(int channel, byte[] data) {
        connection.send(message(channel, data));
    }

    /** Ends the WebSocket in order. */
    void finish() {
        finished = true;
        connection.send(new CloseWebSocketFrame(WebSocketCloseStatus.NORMAL_CLOSURE));
        connection.closeAfterClient();
    }

    private WebSocketFrame message(int channel, byte[] data) {
        if (protocol.base64()) {
            return new TextWebSocketFrame(
                    (char) ('0' + channel) + Base64.getEncoder().encodeToString(data));
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
        user.gone();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        LOG.debug("closing a WebSocket: {}", cause.toString());
        context.close();
    }
}
