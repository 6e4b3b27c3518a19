package io.gantry.runtime.streaming;

import io.gantry.sandbox.ProcessSpec.TerminalSize;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The sizes that a client tells of its terminal, as {@code {"Width":80,"Height":24}} one after the other. Only the newest counts. */
final class Resizes implements StreamInput {
    private static final Pattern WIDTH =
            Pattern.compile("\"width\"\\s*:\\s*(\\d{1,5})(?!\\d)", Pattern.CASE_INSENSITIVE);
    private static final Pattern HEIGHT =
            Pattern.compile("\"height\"\\s*:\\s*(\\d{1,5})(?!\\d)", Pattern.CASE_INSENSITIVE);
    private static final int MAX_OBJECT = 256;
    private static final int MAX_SIZE = 65535;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final StringBuilder partial = new StringBuilder();
    private @Nullable TerminalSize newest;
    private boolean ended;

    @Override
    public void data(byte[] bytes) {
        for (char c : new String(bytes, StandardCharsets.ISO_8859_1).toCharArray()) {
            partial.append(c);
            if (c == '}') {
                parse(partial.toString());
            }
            if (c == '}' || partial.length() > MAX_OBJECT) {
                partial.setLength(0);
            }
        }
    }

    private void parse(String object) {
        Matcher width = WIDTH.matcher(object);
        Matcher height = HEIGHT.matcher(object);
        if (!width.find() || !height.find()) {
            return;
        }
        TerminalSize size = new TerminalSize(Integer.parseInt(width.group(1)), Integer.parseInt(height.group(1)));
        if (size.width() > MAX_SIZE || size.height() > MAX_SIZE) {
            return;
        }
        lock.lock();
        try {
            newest = size;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void end() {
        lock.lock();
        try {
            ended = true;
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    /** The newest size that was not taken yet; waits for one for a while at most. */
    @Nullable
    TerminalSize poll(Duration wait) {
        long left = wait.toNanos();
        lock.lock();
        try {
            while (newest == null && !ended && left > 0) {
                left = changed.awaitNanos(left);
            }
            return taken();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        } finally {
            lock.unlock();
        }
    }

    /** The newest size that was not taken yet; waits for one, null when none will come. */
    @Nullable
    TerminalSize take() {
        lock.lock();
        try {
            while (newest == null && !ended) {
                changed.awaitUninterruptibly();
            }
            return taken();
        } finally {
            lock.unlock();
        }
    }

    private @Nullable TerminalSize taken() {
        TerminalSize size = newest;
        newest = null;
        return size;
    }
}
