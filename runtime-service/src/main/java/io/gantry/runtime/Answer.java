package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.GrpcErrors;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers a unary call with what a step returns, or with the code of what it throws. */
final class Answer {
    private static final Logger LOG = LoggerFactory.getLogger(Answer.class);

    private Answer() {}

    /** The work of one call. */
    interface Work<T> {
        T run() throws CriException, InterruptedException;
    }

    @SuppressWarnings("CatchingUnchecked") // whatever a call trips over must become its answer, never the daemon's end
    static <T> void to(StreamObserver<T> observer, Work<T> work) {
        // Otherwise onNext throws when the client has gone away in the meantime.
        if (observer instanceof ServerCallStreamObserver<T> call) {
            call.setOnCancelHandler(() -> {});
        }
        T result;
        try {
            result = work.run();
        } catch (CriException e) {
            observer.onError(GrpcErrors.of(e));
            return;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            observer.onError(
                    Status.CANCELLED.withDescription("the daemon is stopping").asException());
            return;
        } catch (Exception e) {
            // Not a kind that we know: a fault of ours, so the place matters and the client gets no more than its name.
            LOG.error("a call failed unexpectedly", e);
            observer.onError(
                    Status.INTERNAL.withDescription("internal error: " + e).asException());
            return;
        }
        observer.onNext(result);
        observer.onCompleted();
    }
}
