package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Lets one large answer be on its way at a time. It is in the heap, once, until it has been handed to gRPC, which keeps a copy outside of the heap until the
 * client has taken it; the JVM's flags limit both.
 */
final class LargeAnswers {
    private static final int LARGE = 1 << 20;
    private static final int PATIENCE_SECONDS = 30;

    private final Semaphore free = new Semaphore(1, true);

    /**
     * Waits until an answer of so many bytes may be given. It counts until the call is closed, however that happens.
     *
     * @throws CriException RESOURCE_EXHAUSTED if the clients of others do not take theirs in time
     */
    void admit(StreamObserver<?> observer, int bytes) throws CriException, InterruptedException {
        if (bytes < LARGE || !(observer instanceof ServerCallStreamObserver<?> call)) {
            return;
        }
        if (!free.tryAcquire(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            throw new CriException(
                    CriException.Kind.RESOURCE_EXHAUSTED,
                    "an answer of " + bytes + " bytes cannot be given: for " + PATIENCE_SECONDS
                            + " s other large ones have been on their way to clients that do not take them");
        }
        AtomicBoolean counted = new AtomicBoolean(true);
        Runnable done = () -> {
            if (counted.getAndSet(false)) {
                free.release();
            }
        };
        call.setOnCloseHandler(done);
        call.setOnCancelHandler(done);
    }
}
