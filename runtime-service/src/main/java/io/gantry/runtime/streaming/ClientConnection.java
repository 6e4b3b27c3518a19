package io.gantry.runtime.streaming;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A client's connection as threads that may block see it: a write waits while the client takes nothing, and reading pauses while some
 * queue of what the client sent is full.
 */
@SuppressWarnings("FutureReturnValueIgnored") // a write that fails closes the channel, and that is seen
final class ClientConnection {
    /** Of the kernel's {@code tcp_states.h}: the client has ended its direction. */
    private static final int TCP_CLOSE_WAIT = 8;

    private final Channel channel;
    private final Limits limits;

    /** Held by the one who writes, also while it waits: fair, so that many streams of a connection get their turns. */
    private final ReentrantLock turn = new ReentrantLock(true);

    private final ReentrantLock state = new ReentrantLock();
    private final Condition changed = state.newCondition();
    private int fullQueues;
    private volatile long lastData = System.nanoTime();

    ClientConnection(Channel channel, Limits limits) {
        this.channel = channel;
        this.limits = limits;
        watchIdle(limits.idle().toNanos());
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

    /** Sends at once, whether or not the client takes it: for what is small and rare. */
    void send(Object message) {
        channel.writeAndFlush(message);
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
        if (channel instanceof EpollSocketChannel socket && socket.tcpInfo().state() == TCP_CLOSE_WAIT) {
            channel.close();
        }
    }

    void close() {
        channel.close();
    }

    /**
     * Closes when the client has not done so itself after a while. At once would lose data: TCP resets a connection that is closed with
     * bytes unread, and the client drops what it has not taken yet.
     */
    void closeAfterClient() {
        schedule(limits.linger().toNanos(), channel::close);
    }

    /** Runs on the event loop when the streams that belong together must be there, if the connection lives then. */
    void afterCreation(Runnable check) {
        schedule(limits.creation().toNanos(), check);
    }
}
