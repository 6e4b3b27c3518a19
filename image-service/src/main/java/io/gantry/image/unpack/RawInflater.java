package io.gantry.image.unpack;

import java.io.IOException;

/** Inflates raw deflate data (RFC 1951) piece by piece. Not thread-safe. */
interface RawInflater extends AutoCloseable {
    /** Gives input, all of the former having been consumed. The bytes must stay as they are until then. */
    void input(byte[] bytes, int from, int count);

    /** Inflates into the range; 0 when more input is needed or the stream has {@link #isFinished ended}. */
    int inflate(byte[] into, int from, int count) throws IOException;

    /** Input bytes not consumed: after the end of the stream they belong to what follows. */
    int remaining();

    /** Whether the end mark of the deflate stream has been reached. */
    boolean isFinished();

    /** Makes ready for another stream; input that remains is dropped. */
    void reset();

    @Override
    void close();
}
