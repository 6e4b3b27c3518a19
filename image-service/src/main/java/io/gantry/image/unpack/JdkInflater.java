package io.gantry.image.unpack;

import java.io.IOException;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** The zlib that every JDK has. */
final class JdkInflater implements RawInflater {
    private final Inflater inflater = new Inflater(true);

    @Override
    public void input(byte[] bytes, int from, int count) {
        inflater.setInput(bytes, from, count);
    }

    @Override
    public int inflate(byte[] into, int from, int count) throws IOException {
        try {
            int got = inflater.inflate(into, from, count);
            if (got == 0 && inflater.needsDictionary()) {
                throw new IOException("the gzip data wants a dictionary");
            }
            return got;
        } catch (DataFormatException e) {
            throw new IOException("the gzip data is damaged: " + e.getMessage(), e);
        }
    }

    @Override
    public int remaining() {
        return inflater.getRemaining();
    }

    @Override
    public boolean isFinished() {
        return inflater.finished();
    }

    @Override
    public void reset() {
        inflater.reset();
    }

    @Override
    public void close() {
        inflater.close();
    }
}
