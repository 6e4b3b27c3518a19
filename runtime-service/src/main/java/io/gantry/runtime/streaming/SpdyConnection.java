package io.gantry.runtime.streaming;

import io.netty.buffer.ByteBufUtil;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.spdy.DefaultSpdyPingFrame;
import io.netty.handler.codec.spdy.DefaultSpdyRstStreamFrame;
import io.netty.handler.codec.spdy.DefaultSpdySynReplyFrame;
import io.netty.handler.codec.spdy.SpdyDataFrame;
import io.netty.handler.codec.spdy.SpdyFrame;
import io.netty.handler.codec.spdy.SpdyPingFrame;
import io.netty.handler.codec.spdy.SpdyRstStreamFrame;
import io.netty.handler.codec.spdy.SpdyStreamStatus;
import io.netty.handler.codec.spdy.SpdySynReplyFrame;
import io.netty.handler.codec.spdy.SpdySynStreamFrame;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The streams of a SPDY/3.1 connection, as Kubernetes' clients (moby/spdystream) use them: only the client opens streams, nobody sends
 * WINDOW_UPDATE, and windows are taken as endless. Netty's own SpdySessionHandler would stop for good after 64 KiB. Never sends first.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a write that fails closes the channel, and that is seen
final class SpdyConnection extends SimpleChannelInboundHandler<SpdyFrame> {
    private static final Logger LOG = LoggerFactory.getLogger(SpdyConnection.class);

    /** 512 forwarded connections at a time. */
    private static final int MAX_STREAMS = 1024;

    /** Who uses the streams. Called on the event loop. */
    interface User {
        void opened(SpdyStream stream);

        /** The client has gone. */
        void gone();
    }

    private final ClientConnection connection;
    private final User user;
    private final Map<Integer, SpdyStream> streams = new ConcurrentHashMap<>();

    SpdyConnection(ClientConnection connection, User user) {
        this.connection = connection;
        this.user = user;
    }

    void forget(SpdyStream stream) {
        streams.remove(stream.id());
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, SpdyFrame frame) {
        connection.heard();
        switch (frame) {
            case SpdyDataFrame data -> {
                connection.touch();
                // Data of a stream that has ended may be on its way still.
                SpdyStream stream = streams.get(data.streamId());
                if (stream != null) {
                    stream.input().data(ByteBufUtil.getBytes(data.content()));
                    if (data.isLast()) {
                        stream.remoteEnded();
                    }
                }
            }
            case SpdySynStreamFrame opened -> open(opened);
            case SpdyRstStreamFrame reset -> {
                SpdyStream stream = streams.get(reset.streamId());
                if (stream != null) {
                    stream.remoteReset();
                }
            }
            case SpdyPingFrame ping -> {
                // Even ones would be answers to pings of ours.
                if ((ping.id() & 1) == 1) {
                    connection.send(new DefaultSpdyPingFrame(ping.id()));
                }
            }
            default -> LOG.trace("ignored {}", frame);
        }
    }

    private void open(SpdySynStreamFrame opened) {
        connection.touch();
        int id = opened.streamId();
        if (opened.isInvalid() || opened.isTruncated() || (id & 1) == 0 || streams.containsKey(id)) {
            connection.send(new DefaultSpdyRstStreamFrame(id, SpdyStreamStatus.PROTOCOL_ERROR));
            return;
        }
        if (streams.size() >= MAX_STREAMS) {
            connection.send(new DefaultSpdyRstStreamFrame(id, SpdyStreamStatus.REFUSED_STREAM));
            return;
        }
        SpdyStream stream = new SpdyStream(this, connection, id, opened.headers());
        streams.put(id, stream);
        SpdySynReplyFrame reply = new DefaultSpdySynReplyFrame(id);
        // Without a header Netty writes an empty block, where Go's client wants a compressed count of zero.
        reply.headers().set("streamtype", stream.type().isEmpty() ? "none" : stream.type());
        connection.send(reply);
        user.opened(stream);
        if (opened.isLast()) {
            stream.remoteEnded();
        }
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
        LOG.debug("closing a SPDY connection: {}", cause.toString());
        context.close();
    }
}
