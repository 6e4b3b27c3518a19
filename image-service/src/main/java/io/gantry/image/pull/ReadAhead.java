package io.gantry.image.pull;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ThreadFactory;
import org.jspecify.annotations.Nullable;

/**
 * Reads a stream on a thread of its own, a few buffers ahead of its one reader, so that the two sides work at the same time. The buffers go round; none is
 * made after the start.
 */
final class ReadAhead extends InputStream {
    private static final int BUFFERS = 6;
    private static final int BUFFER = 128 * 1024;

    private final InputStream in;
    private final BlockingQueue<Filled> full = new ArrayBlockingQueue<>(BUFFERS + 1);
    private final BlockingQueue<byte[]> empty = new ArrayBlockingQueue<>(BUFFERS + 1);
    private final Thread thread;
    private byte[] current = new byte[0];
    private int from;
    private int to;
    private @Nullable Filled end;

    /** Begins to read. Does not close {@code in}, which must not be closed before this. */
    ReadAhead(InputStream in, ThreadFactory threads) {
        this.in = in;
        for (int i = 0; i < BUFFERS; i++) {
            empty.add(new byte[BUFFER]);
        }
        this.thread = threads.newThread(this::fill);
        thread.start();
    }

    /** Bytes, or with a count of -1 the end, by a failure or not. */
    @SuppressWarnings("ArrayRecordComponent") // Never compared.
    private record Filled(byte[] bytes, int count, @Nullable Throwable failure) {}

    private void fill() {
        Throwable failure = null;
        try {
            while (true) {
                byte[] buffer = empty.take();
                int got = in.read(buffer, 0, BUFFER);
                if (got < 0) {
                    break;
                }
                full.put(new Filled(buffer, got, null));
            }
        } catch (InterruptedException e) {
            // Nobody reads any more.
            return;
        } catch (IOException | RuntimeException | Error e) {
            failure = e;
        }
        // There is a place for it: the queue is bigger than the number of buffers.
        full.add(new Filled(new byte[0], -1, failure));
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
        if (from == to && !next()) {
            return -1;
        }
        int chunk = Math.min(count, to - from);
        System.arraycopy(current, from, into, start, chunk);
        from += chunk;
        return chunk;
    }

    private boolean next() throws IOException {
        Filled filled = end;
        if (filled == null) {
            if (current.length > 0) {
                empty.add(current);
                current = new byte[0];
            }
            try {
                filled = full.take();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("reading was interrupted");
            }
        }
        if (filled.count() < 0) {
            end = filled;
            switch (filled.failure()) {
                case null -> {
                    return false;
                }
                case IOException io -> throw io;
                case RuntimeException unchecked -> throw unchecked;
                case Throwable other -> throw new IllegalStateException("a reader broke", other);
            }
        }
        current = filled.bytes();
        from = 0;
        to = filled.count();
        return true;
    }

    /** Stops reading and waits until the other thread has let go of the stream. */
    @Override
    public void close() {
        thread.interrupt();
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
