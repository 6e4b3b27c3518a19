package io.gantry.runtime.streaming;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.CorruptedFrameException;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.ContinuationWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PingWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PongWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketFrameDecoder;
import java.util.List;

/**
 * The frames of a WebSocket client (RFC 6455, 5.2), handed on as their bytes come: some clients put a whole file into one frame, and Netty's
 * own decoder would hold it in memory to its end. So what comes out as a frame may be a part of one.
 */
final class WebSocketPieces extends ByteToMessageDecoder implements WebSocketFrameDecoder {
    private static final int CONTINUATION = 0;
    private static final int TEXT = 1;
    private static final int BINARY = 2;
    private static final int CLOSE = 8;
    private static final int PING = 9;
    private static final int PONG = 10;
    private static final int MAX_CONTROL = 125;
    private static final int SHORT_LENGTH = 126;
    private static final int LONG_LENGTH = 127;
    private static final int MASK_BYTES = 4;

    /** Of the frame being read; of a piece of it, the opcode is CONTINUATION once another has been handed on. */
    private int opcode;

    private boolean fin;
    private int mask;
    private long length;
    private long at;
    private boolean inFrame;

    /** A message has begun and more of it comes in frames to follow. */
    private boolean inMessage;

    @Override
    protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
        if (!inFrame && !header(in)) {
            return;
        }
        boolean control = opcode >= CLOSE;
        int count = (int) Math.min(in.readableBytes(), length - at);
        if ((control && count < length) || (count == 0 && at < length)) {
            return;
        }
        ByteBuf piece = context.alloc().buffer(Math.max(1, count));
        unmask(in, piece, count);
        boolean last = at == length;
        inFrame = !last;
        out.add(frame(last && fin, piece));
        if (!control) {
            opcode = CONTINUATION;
        }
    }

    private void unmask(ByteBuf in, ByteBuf piece, int count) {
        long end = at + count;
        while (at < end) {
            if ((at & 3) == 0 && end - at >= MASK_BYTES) {
                piece.writeInt(in.readInt() ^ mask);
                at += MASK_BYTES;
            } else {
                piece.writeByte(in.readByte() ^ (mask >>> (24 - 8 * (int) (at & 3))));
                at++;
            }
        }
    }

    /** Reads a frame's header if all of it has come. */
    private boolean header(ByteBuf in) {
        int start = in.readerIndex();
        int readable = in.readableBytes();
        if (readable < 2) {
            return false;
        }
        int first = in.getUnsignedByte(start);
        int second = in.getUnsignedByte(start + 1);
        int coded = second & 0x7f;
        int size = 2 + (coded == SHORT_LENGTH ? 2 : coded == LONG_LENGTH ? 8 : 0) + MASK_BYTES;
        check((second & 0x80) != 0, "a frame without a mask");
        check((first & 0x70) == 0, "a frame with an extension");
        if (readable < size) {
            return false;
        }
        length = switch (coded) {
            case SHORT_LENGTH -> in.getUnsignedShort(start + 2);
            case LONG_LENGTH -> in.getLong(start + 2);
            default -> coded;
        };
        mask = in.getInt(start + size - MASK_BYTES);
        in.skipBytes(size);
        fin = (first & 0x80) != 0;
        opcode = first & 0xf;
        at = 0;
        inFrame = true;
        check(length >= 0, "a frame of negative length");
        if (opcode >= CLOSE) {
            check(fin && length <= MAX_CONTROL, "a control frame in parts, or a long one");
        } else {
            check(inMessage == (opcode == CONTINUATION), "a message within another, or a part of none");
            inMessage = !fin;
        }
        return true;
    }

    private WebSocketFrame frame(boolean last, ByteBuf piece) {
        return switch (opcode) {
            case CONTINUATION -> new ContinuationWebSocketFrame(last, 0, piece);
            case TEXT -> new TextWebSocketFrame(last, 0, piece);
            case BINARY -> new BinaryWebSocketFrame(last, 0, piece);
            case CLOSE -> new CloseWebSocketFrame(true, 0, piece);
            case PING -> new PingWebSocketFrame(piece);
            case PONG -> new PongWebSocketFrame(piece);
            default -> {
                piece.release();
                throw new CorruptedFrameException("a frame of kind " + opcode);
            }
        };
    }

    private static void check(boolean fine, String otherwise) {
        if (!fine) {
            throw new CorruptedFrameException(otherwise);
        }
    }
}
