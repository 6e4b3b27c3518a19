package io.gantry.image.cri;

import io.grpc.Context;
import java.util.concurrent.TimeoutException;

/**
 * Interrupts the calling thread when its gRPC call is cancelled or runs out of time. Once closed it interrupts no more, and the thread's interrupt flag is
 * clear.
 */
final class CallInterruption implements AutoCloseable {
    private final Context context = Context.current();
    private final Thread thread = Thread.currentThread();
    private final Context.CancellationListener listener = this::onCancelled;
    private boolean closed;

    CallInterruption() {
        context.addListener(listener, Runnable::run);
    }

    private synchronized void onCancelled(Context cancelled) {
        if (!closed) {
            thread.interrupt();
        }
    }

    /** Whether it was the deadline that ended the call, rather than the client. */
    boolean isDeadlineExceeded() {
        return context.cancellationCause() instanceof TimeoutException;
    }

    @Override
    public void close() {
        context.removeListener(listener);
        synchronized (this) {
            closed = true;
        }
        // The call is over either way; a flag left behind would strike the next thing this thread does.
        Thread.interrupted();
    }
}
