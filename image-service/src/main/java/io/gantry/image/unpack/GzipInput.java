package io.gantry.image.unpack;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;

/**
 * Inflates gzip data of one or more members (RFC 1952). The JDK's own stream guesses by {@code available()} whether another member follows, and over a network
 * it guesses wrong.
 */
final class GzipInput extends InputStream {
    private static final int FLAG_HEADER_CRC = 2;
    private static final int FLAG_EXTRA = 4;
    private static final int FLAG_NAME = 8;
    private static final int FLAG_COMMENT = 16;

    private final InputStream in;
    private final RawInflater inflater;
    private final byte[] buffer = new byte[128 * 1024];
    private final CRC32 crc = new CRC32();
    private int from;
    private int to;
    private long length;
    private boolean ended;

    /** Reads the first member's header. Closes {@code inflater} with itself, but not {@code in}. */
    GzipInput(InputStream in, RawInflater inflater) throws IOException {
        this.in = in;
        this.inflater = inflater;
        readHeader(need("header"));
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int start, int count) throws IOException {
        if (count == 0) {
            return 0;
        }
        while (!ended) {
            int got = inflater.inflate(into, start, count);
            if (got > 0) {
                crc.update(into, start, got);
                length += got;
                return got;
            }
            if (inflater.isFinished()) {
                from = to - inflater.remaining();
                endMember();
            } else {
                if (!refill()) {
                    throw new EOFException("the gzip data ends early");
                }
                inflater.input(buffer, 0, to);
                from = to;
            }
        }
        return -1;
    }

    private void endMember() throws IOException {
        long storedCrc = littleEndian("trailer", 4);
        long storedLength = littleEndian("trailer", 4);
        if (storedCrc != crc.getValue() || storedLength != (length & 0xffff_ffffL)) {
            throw new IOException("the gzip data is damaged: its checksum is wrong");
        }
        int next = next();
        // Some tools pad with zeros, as for tapes.
        while (next == 0) {
            next = next();
        }
        if (next < 0) {
            ended = true;
        } else {
            readHeader(next);
        }
    }

    private void readHeader(int first) throws IOException {
        if (first != 0x1f || need("header") != 0x8b || need("header") != 8) {
            throw new IOException("the gzip data is damaged: no member starts where one should");
        }
        int flags = need("header");
        littleEndian("header", 4);
        littleEndian("header", 2);
        if ((flags & FLAG_EXTRA) != 0) {
            long extra = littleEndian("header", 2);
            for (long i = 0; i < extra; i++) {
                need("header");
            }
        }
        if ((flags & FLAG_NAME) != 0) {
            skipText();
        }
        if ((flags & FLAG_COMMENT) != 0) {
            skipText();
        }
        if ((flags & FLAG_HEADER_CRC) != 0) {
            littleEndian("header", 2);
        }
        crc.reset();
        length = 0;
        inflater.reset();
        inflater.input(buffer, from, to - from);
        from = to;
    }

    private void skipText() throws IOException {
        while (need("header") != 0) {
            // A file name or a comment, of no interest.
        }
    }

    private long littleEndian(String what, int bytes) throws IOException {
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (long) need(what) << (8 * i);
        }
        return value;
    }

    private int need(String what) throws IOException {
        int b = next();
        if (b < 0) {
            throw new EOFException("the gzip data ends within a " + what);
        }
        return b;
    }

    private int next() throws IOException {
        if (from == to && !refill()) {
            return -1;
        }
        return buffer[from++] & 0xff;
    }

    private boolean refill() throws IOException {
        int got = in.read(buffer, 0, buffer.length);
        from = 0;
        to = Math.max(got, 0);
        return got > 0;
    }

    @Override
    public void close() {
        inflater.close();
    }
}
