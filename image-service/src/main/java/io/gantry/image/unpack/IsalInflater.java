package io.gantry.image.unpack;

import io.gantry.linux.IsalInflate;
import java.io.IOException;

/** ISA-L, where it is installed. */
final class IsalInflater implements RawInflater {
    private final IsalInflate isal;
    private int given;

    IsalInflater(IsalInflate isal) {
        this.isal = isal;
    }

    @Override
    public void input(byte[] bytes, int from, int count) {
        isal.input(bytes, from, count);
        given = count;
    }

    @Override
    public int inflate(byte[] into, int from, int count) throws IOException {
        return isal.inflate(into, from, count);
    }

    @Override
    public int remaining() {
        // Never more than was given, whatever a library of another build may keep in its bit buffer.
        return Math.min(isal.remaining(), given);
    }

    @Override
    public boolean isFinished() {
        return isal.isFinished();
    }

    @Override
    public void reset() {
        isal.reset();
        given = 0;
    }

    @Override
    public void close() {
        isal.close();
    }
}
