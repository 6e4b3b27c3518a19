package io.gantry.runtime.streaming;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.MessageToMessageCodec;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PingWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PongWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import java.util.List;

/** SPDY inside a WebSocket (subprotocol {@code SPDY/3.1+portforward.k8s.io}): its bytes, cut anyhow into binary messages. */
@SuppressWarnings("FutureReturnValueIgnored") // a write that fails closes the channel, and that is seen
final class WebSocketTunnel extends MessageToMessageCodec<WebSocketFrame, ByteBuf> {
    static final String PROTOCOL = "SPDY/3.1+portforward.k8s.io";

    @Override
    protected void encode(ChannelHandlerContext context, ByteBuf bytes, List<Object> out) {
        out.add(new BinaryWebSocketFrame(bytes.retain()));
    }

    @Override
    protected void decode(ChannelHandlerContext context, WebSocketFrame frame, List<Object> out) {
        switch (frame) {
            case PingWebSocketFrame ping -> {
                // One who reads nothing must not fill the memory with answers.
                if (context.channel().isWritable()) {
                    context.writeAndFlush(new PongWebSocketFrame(ping.content().retain()));
                }
            }
            case PongWebSocketFrame _ -> {}
            case CloseWebSocketFrame close -> {
                context.writeAndFlush(close.retain());
                context.close();
            }
            default -> out.add(frame.content().retain());
        }
    }
}
