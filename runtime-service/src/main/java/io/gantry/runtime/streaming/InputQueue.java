package io.gantry.runtime.streaming;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a client has sent on a stream, until a thread that may block has delivered it. Above {@link #FULL} bytes the connection is not read
 * further: neither SPDY as Kubernetes' clients speak it nor WebSocket can hold back a single stream. But a terminal's queue goes on on disk
 * first, since behind its input the terminal's sizes come.
 */
final class InputQueue implements StreamInput {
    private static final Logger LOG = LoggerFactory.getLogger(InputQueue.class);

    static final int FULL = 256 << 10;
    static final int ROOM = 64 << 10;

    /** What each queue may hold even while the connection or the server holds too much. */
    static final int LITTLE = 16 << 10;

    /** What an array costs besides its bytes: a client may send single ones. */
    private static final int PIECE_COST = 32;

    private final ClientConnection connection;
    private final Runnable stalled;

    /** What came after the pieces; null where all waits in memory. */
    private final @Nullable SpilledInput spilled;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Queue<byte[]> pieces = new ArrayDeque<>();
    private int queued;
    private long taken;
    private boolean full;
    private boolean ended;
    private boolean discarding;

    /** @param stalled run on the event loop when the queue was full for {@link Limits#stall} and nobody took anything */
    InputQueue(ClientConnection connection, Runnable stalled) {
        this(connection, stalled, null);
    }

    private InputQueue(ClientConnection connection, Runnable stalled, @Nullable SpilledInput spilled) {
        this.connection = connection;
        this.stalled = stalled;
        this.spilled = spilled;
    }

    /** The standard input of a process. */
    static InputQueue stdin(ClientConnection connection, ProcessStreams streams) {
        return new InputQueue(connection, () -> {}, streams.terminal() ? connection.spilledInput() : null);
    }

    @Override
    public void data(byte[] bytes) {
        lock.lock();
        try {
            if (ended || discarding || bytes.length == 0) {
                return;
            }
            if (!spill(bytes)) {
                pieces.add(bytes);
                hold(bytes.length + PIECE_COST);
            }
            changed.signal();
            if (!full && isFull()) {
                full = true;
                connection.pause();
                watch(taken);
            }
        } finally {
            lock.unlock();
        }
    }

    private boolean isCrowded() {
        return queued > FULL || (queued > LITTLE && connection.isInputTight());
    }

    private boolean isFull() {
        return spilled == null ? isCrowded() : !spilled.hasRoom() && (isCrowded() || spilled.holds());
    }

    private boolean spill(byte[] bytes) {
        if (spilled == null || !(spilled.holds() || (isCrowded() && spilled.hasRoom()))) {
            return false;
        }
        boolean begun = spilled.holds();
        try {
            spilled.add(bytes);
            return true;
        } catch (IOException e) {
            LOG.warn("cannot put a terminal's input on disk: {}", e.toString());
            spilled.close();
            if (begun) {
                connection.close(); // of what is lost the client must hear
            }
            return begun;
        }
    }

    private byte @Nullable [] unspill() {
        try {
            return spilled == null ? null : spilled.poll();
        } catch (IOException e) {
            LOG.warn("cannot read a terminal's input from disk: {}", e.toString());
            discarding = true;
            connection.close();
            return null;
        }
    }

    private boolean isEmpty() {
        return pieces.isEmpty() && (spilled == null || !spilled.holds());
    }

    private void hold(int bytes) {
        queued += bytes;
        connection.holdInput(bytes);
    }

    private void watch(long before) {
        connection.afterStall(() -> {
            lock.lock();
            try {
                if (!full) {
                    return;
                }
                if (taken != before) {
                    watch(taken);
                    return;
                }
            } finally {
                lock.unlock();
            }
            connection.closeIfClientLeft();
            stalled.run();
            watch(before);
        });
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

    /** The next piece, null after the last. Blocks. */
    byte @Nullable [] take() {
        lock.lock();
        try {
            while (isEmpty() && !ended && !discarding) {
                changed.awaitUninterruptibly();
            }
            byte[] piece = pieces.poll();
            if (piece != null) {
                hold(-piece.length - PIECE_COST);
            } else {
                piece = unspill();
            }
            if (piece == null) {
                return null;
            }
            taken += piece.length;
            if (full && queued <= ROOM && (spilled == null || !spilled.holds())) {
                full = false;
                connection.resume();
            }
            return piece;
        } finally {
            lock.unlock();
        }
    }

    /** Nobody takes anything any more: drops what is here and what comes. */
    void discard() {
        lock.lock();
        try {
            discarding = true;
            pieces.clear();
            hold(-queued);
            if (spilled != null) {
                spilled.close();
            }
            changed.signal();
            if (full) {
                full = false;
                connection.resume();
            }
        } finally {
            lock.unlock();
        }
    }
}
