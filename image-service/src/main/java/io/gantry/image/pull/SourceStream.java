package io.gantry.image.pull;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** A source's blob: marks its failures as its own and copies what is read, if that is wanted. */
final class SourceStream extends InputStream {
    private final InputStream in;
    private final OutputStream copy;

    SourceStream(InputStream in, OutputStream copy) {
        this.in = in;
        this.copy = copy;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int from, int count) throws IOException {
        int got;
        try {
            got = in.read(into, from, count);
        } catch (IOException e) {
            throw new BlobReadException(e);
        }
        if (got > 0) {
            copy.write(into, from, got);
        }
        return got;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
