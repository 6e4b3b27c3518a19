package io.gantry.runtime.streaming;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What a client has sent on a stream, until a thread that may block has delivered it. Above {@link #FULL} bytes the connection is not read
 * further: neither SPDY as Kubernetes' clients speak it nor WebSocket can hold back a single stream.
 */
final class InputQueue implements StreamInput {
    static final int FULL = 256 << 10;
    static final int ROOM = 64 << 10;

    /** What each queue may hold even while the connection or the server holds too much. */
    static final int LITTLE = 16 << 10;

    /** What an array costs besides its bytes: a client may send single ones. */
    private static final int PIECE_COST = 32;

    private final ClientConnection connection;
    private final Runnable stalled;
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
        this.connection = connection;
        this.stalled = stalled;
    }

    @Override
    public void data(byte[] bytes) {
        lock.lock();
        try {
            if (ended || discarding || bytes.length == 0) {
                return;
            }
            pieces.add(bytes);
            hold(bytes.length + PIECE_COST);
            changed.signal();
            if (!full && (queued > FULL || (queued > LITTLE && connection.isInputTight()))) {
                full = true;
                connection.pause();
                watch(taken);
            }
        } finally {
            lock.unlock();
        }
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
            while (pieces.isEmpty() && !ended && !discarding) {
                changed.awaitUninterruptibly();
            }
            byte[] piece = pieces.poll();
            if (piece == null) {
                return null;
            }
            hold(-piece.length - PIECE_COST);
            taken += piece.length;
            if (full && queued <= ROOM) {
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
