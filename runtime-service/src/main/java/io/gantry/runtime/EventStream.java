package io.gantry.runtime;

import io.gantry.cri.v1.ContainerEventResponse;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * One client of GetContainerEvents: a bounded queue, and a thread that empties it as fast as the client reads. A client that falls behind
 * by more than the queue is told so by the end of its stream, and lists anew; nothing is left out silently.
 */
final class EventStream {
    /**
     * How much waits for a client.
     *
     * @param events their number
     * @param bytes their size on the wire, all together
     */
    record Limit(int events, long bytes) {}

    private enum End {
        NONE,
        CANCELLED,
        OVERFLOW,
        STOPPING
    }

    private final ServerCallStreamObserver<ContainerEventResponse> call;
    private final Limit limit;
    private final Consumer<EventStream> gone;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Deque<ContainerEventResponse> queue = new ArrayDeque<>();
    private long queuedBytes;
    private End end = End.NONE;

    /**
     * @param gone told once no more events are wanted
     */
    EventStream(ServerCallStreamObserver<ContainerEventResponse> call, Limit limit, Consumer<EventStream> gone) {
        this.call = call;
        this.limit = limit;
        this.gone = gone;
        call.setOnCancelHandler(() -> end(End.CANCELLED));
        call.setOnReadyHandler(this::wake);
    }

    void start() {
        Thread.ofVirtual().name("events").start(this::deliver);
    }

    /** Queues an event; never waits. */
    void offer(ContainerEventResponse event) {
        lock.lock();
        try {
            if (end != End.NONE) {
                return;
            }
            int bytes = event.getSerializedSize();
            if (queue.size() < limit.events && queuedBytes + bytes <= limit.bytes) {
                queue.add(event);
                queuedBytes += bytes;
                changed.signal();
                return;
            }
        } finally {
            lock.unlock();
        }
        end(End.OVERFLOW);
    }

    /** Ends the stream because the daemon does; what is queued is dropped, as the client starts anew with a list. */
    void end() {
        end(End.STOPPING);
    }

    private void end(End reason) {
        lock.lock();
        try {
            if (end == End.NONE) {
                end = reason;
            }
            queue.clear();
            changed.signal();
        } finally {
            lock.unlock();
        }
        gone.accept(this);
    }

    private void wake() {
        lock.lock();
        try {
            changed.signal();
        } finally {
            lock.unlock();
        }
    }

    /** The only thread that writes to the call. */
    private void deliver() {
        while (true) {
            ContainerEventResponse event;
            lock.lock();
            try {
                while (end == End.NONE && (queue.isEmpty() || !call.isReady())) {
                    changed.awaitUninterruptibly();
                }
                if (end != End.NONE) {
                    break;
                }
                event = queue.remove();
                queuedBytes -= event.getSerializedSize();
            } finally {
                lock.unlock();
            }
            call.onNext(event);
        }
        switch (end) {
            case NONE, CANCELLED -> {}
            case OVERFLOW ->
                call.onError(Status.RESOURCE_EXHAUSTED
                        .withDescription(
                                "this stream was read too slowly, and events are lost to it; list, and subscribe again")
                        .asException());
            case STOPPING ->
                call.onError(Status.UNAVAILABLE
                        .withDescription("the daemon is stopping; list, and subscribe again")
                        .asException());
        }
    }
}
