package io.gantry.runtime.streaming;

import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.TooLongFrameException;
import io.netty.handler.codec.spdy.SpdyFrameCodec;
import io.netty.handler.codec.spdy.SpdyVersion;

/** Netty's codec, with an end to what it takes in: by itself it inflates headers and collects settings as long as a frame of 16 MiB goes on. */
final class SpdyCodec extends SpdyFrameCodec {
    private static final int MAX_PIECE = 32 << 10;

    /** Of a stream's headers, inflated; those of Kubernetes' clients have a hundred bytes. */
    private static final int MAX_HEADERS = 4 << 10;

    /** Of the same on the wire: at a thousand to one, what is inflated in vain is still little. */
    private static final int MAX_BLOCK = 16 << 10;

    private int block;

    SpdyCodec() {
        super(SpdyVersion.SPDY_3_1, MAX_PIECE, MAX_HEADERS, 6, 15, 8);
    }

    @Override
    public void readHeaderBlock(ByteBuf headers) {
        block += headers.readableBytes();
        if (block > MAX_BLOCK) {
            headers.release();
            throw new TooLongFrameException("a header block of more than " + MAX_BLOCK + " bytes");
        }
        super.readHeaderBlock(headers);
    }

    @Override
    public void readHeaderBlockEnd() {
        block = 0;
        super.readHeaderBlockEnd();
    }

    /** They mean nothing here, and a frame may hold two million. */
    @Override
    public void readSetting(int id, int value, boolean persistValue, boolean persisted) {}
}
