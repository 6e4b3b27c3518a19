package io.gantry.runtime.streaming;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.unix.RawUnixChannelOption;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.ScheduledFuture;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A client's connection as threads that may block see it: a write waits while the client takes nothing, and reading pauses while some
 * queue of what the client sent is full.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a write that fails closes the channel, and that is seen
final class ClientConnection {
    /** Of the kernel's {@code tcp_states.h}: anything else means that the client has ended its direction, or all. */
    private static final int TCP_ESTABLISHED = 1;

    /** The kernel's {@code struct tcp_info} up to {@code tcpi_notsent_bytes} (linux/tcp.h). */
    private static final RawUnixChannelOption TCP_INFO = new RawUnixChannelOption("TCP_INFO", 6, 11, 148);

    private static final int UNACKNOWLEDGED = 24;
    private static final int NOT_SENT = 144;

    /** Answers that may wait for a client: it makes them by what it sends, so without an end it could fill the memory. */
    private static final long MAX_UNREAD = 1 << 20;

    /** Input that waits on all streams of a connection. Above it none of them gets more than {@link InputQueue#LITTLE}. */
    private static final long MAX_INPUT = 1 << 20;

    private final Channel channel;
    private final Limits limits;
    private final InputBudget budget;
    private final AtomicLong input = new AtomicLong();

    /** Held by the one who writes, also while it waits: fair, so that many streams of a connection get their turns. */
    private final ReentrantLock turn = new ReentrantLock(true);

    private final ReentrantLock state = new ReentrantLock();
    private final Condition changed = state.newCondition();
    private int fullQueues;
    private volatile long lastData = System.nanoTime();
    private volatile long lastHeard = lastData;

    ClientConnection(Channel channel, Limits limits, InputBudget budget) {
        this.channel = channel;
        this.limits = limits;
        this.budget = budget;
        watchIdle(limits.idle().toNanos());
    }

    /** The client has sent something, be it a ping. */
    void heard() {
        lastHeard = System.nanoTime();
    }

    /** Counts as activity; pings do not. */
    void touch() {
        lastData = System.nanoTime();
    }

    private void watchIdle(long nanos) {
        schedule(nanos, () -> {
            long left = limits.idle().toNanos() - (System.nanoTime() - lastData);
            if (left <= 0) {
                channel.close();
            } else {
                watchIdle(left);
            }
        });
    }

    private void schedule(long nanos, Runnable work) {
        ScheduledFuture<?> task = channel.eventLoop().schedule(work, nanos, TimeUnit.NANOSECONDS);
        // Otherwise a timer of hours keeps what is left of the connection.
        ChannelFutureListener cancel = _ -> task.cancel(false);
        channel.closeFuture().addListener(cancel);
        task.addListener(_ -> channel.closeFuture().removeListener(cancel));
    }

    /** Sends at once, whether or not the client takes it: for what is small. A client that lets too much of it pile up is cut off. */
    void send(Object message) {
        if (unsent() > MAX_UNREAD) {
            ReferenceCountUtil.release(message);
            channel.close();
        } else {
            channel.writeAndFlush(message);
        }
    }

    private long unsent() {
        ChannelOutboundBuffer buffer = channel.unsafe().outboundBuffer();
        return buffer == null ? 0 : buffer.totalPendingWriteBytes();
    }

    /**
     * Sends when the client has taken most of what went before. At most a few hundred kilobytes are under way.
     *
     * @return false if the client has gone
     */
    boolean write(Object message) {
        turn.lock();
        try {
            if (!awaitWritable()) {
                ReferenceCountUtil.release(message);
                return false;
            }
            touch();
            channel.writeAndFlush(message);
            return true;
        } finally {
            turn.unlock();
        }
    }

    private boolean awaitWritable() {
        state.lock();
        try {
            while (channel.isActive() && !channel.isWritable()) {
                changed.awaitUninterruptibly();
            }
            return channel.isActive();
        } finally {
            state.unlock();
        }
    }

    /** The channel's writability or activity has changed. */
    void wake() {
        state.lock();
        try {
            changed.signalAll();
        } finally {
            state.unlock();
        }
    }

    /** A queue is full: nothing more is read until {@link #resume}. */
    void pause() {
        state.lock();
        try {
            fullQueues++;
            channel.config().setAutoRead(false);
        } finally {
            state.unlock();
        }
    }

    /** A queue has room again, or takes no more. */
    void resume() {
        state.lock();
        try {
            if (--fullQueues == 0) {
                channel.config().setAutoRead(true);
            }
        } finally {
            state.unlock();
        }
    }

    /** Runs on the event loop after the time that a full queue may stand still, if the connection lives then. */
    void afterStall(Runnable check) {
        schedule(limits.stall().toNanos(), check);
    }

    /** While reading is paused, the end of the connection is not noticed: this asks the kernel. */
    void closeIfClientLeft() {
        if (channel instanceof EpollSocketChannel socket && socket.tcpInfo().state() != TCP_ESTABLISHED) {
            channel.close();
        }
    }

    void close() {
        channel.close();
    }

    /**
     * Closes when the client has not done so itself, long after it has taken everything. At once would lose data: TCP resets a connection
     * that is closed with bytes unread, and Kubernetes' clients drop what they have not handed on when the connection ends.
     */
    void closeAfterClient() {
        schedule(limits.linger().toNanos(), () -> {
            boolean alive = System.nanoTime() - lastHeard < limits.linger().toNanos();
            if (alive || unsent() > 0 || inKernel() > 0) {
                closeAfterClient();
            } else {
                channel.close();
            }
        });
    }

    /** What the client's side has not received; of a slow reader that is more than nothing. */
    private long inKernel() {
        ByteBuffer info = channel.config().getOption(TCP_INFO);
        if (info == null || info.limit() < NOT_SENT + Integer.BYTES) {
            return 0;
        }
        info.order(ByteOrder.nativeOrder());
        return (long) info.getInt(UNACKNOWLEDGED) + info.getInt(NOT_SENT);
    }

    /** Runs on the event loop when the streams that belong together must be there, if the connection lives then. */
    void afterCreation(Runnable check) {
        schedule(limits.creation().toNanos(), check);
    }

    /** A queue of this connection holds so much more; or less, if negative. */
    void holdInput(long bytes) {
        input.addAndGet(bytes);
        budget.add(bytes);
    }

    /** Room on disk for one of its queues. */
    SpilledInput spilledInput() {
        return new SpilledInput(budget);
    }

    /** Whether queues that hold more than a little must not grow. */
    boolean isInputTight() {
        return input.get() > MAX_INPUT || budget.isTight();
    }
}
