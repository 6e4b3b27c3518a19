package io.gantry.image.unpack;

import io.gantry.linux.IsalInflate;
import java.io.IOException;
import java.util.Optional;

/** Inflates raw deflate data (RFC 1951) piece by piece. Not thread-safe. */
interface RawInflater extends AutoCloseable {
    /** ISA-L's where it is installed, else the JDK's. */
    static RawInflater fastest() {
        Optional<IsalInflate> isal = IsalInflate.open();
        return isal.isPresent() ? new IsalInflater(isal.get()) : new JdkInflater();
    }

    /** Gives at most 128 KiB of input, all of the former having been consumed. The bytes must stay as they are until then. */
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
