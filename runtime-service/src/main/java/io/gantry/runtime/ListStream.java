package io.gantry.runtime;

import com.google.protobuf.MessageLite;
import io.gantry.cri.CriException;
import io.gantry.cri.GrpcErrors;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A list call answered in batches (KEP-5825): each item once, then the end. What is listed is chosen when the call comes; each item is
 * looked at only when its batch is due, and no batch is made before the reader has taken the ones before it.
 *
 * @param <S> what is listed, as the daemon holds it
 * @param <I> an item on the wire
 * @param <T> a batch of them
 */
final class ListStream<S, I extends MessageLite, T> {
    private static final Logger LOG = LoggerFactory.getLogger(ListStream.class);

    /** A batch ends at whichever comes first; clients take messages of 16 MiB, and one item may have 256 KiB of annotations. */
    static final int BATCH_ITEMS = 1000;

    static final int BATCH_BYTES = 1 << 20;

    /** One thing as an item. */
    interface View<S, I> {
        /**
         * The item.
         *
         * @throws CriException NOT_FOUND if it has gone since the list was made: it is then left out
         */
        I of(S listed) throws CriException;
    }

    private final ServerCallStreamObserver<T> call;
    private final Iterator<S> rest;
    private final View<S, I> view;
    private final Function<List<I>, T> batch;
    private boolean ended;

    private ListStream(
            ServerCallStreamObserver<T> call, Iterator<S> rest, View<S, I> view, Function<List<I>, T> batch) {
        this.call = call;
        this.rest = rest;
        this.view = view;
        this.batch = batch;
    }

    /** Answers a server-streaming call; to be called from its handler, which may return before the last batch is out. */
    static <S, I extends MessageLite, T> void to(
            StreamObserver<T> observer,
            Answer.Work<? extends Collection<S>> selection,
            View<S, I> view,
            Function<List<I>, T> batch) {
        if (!(observer instanceof ServerCallStreamObserver<T> call)) {
            throw new IllegalArgumentException("not the observer of a server's call");
        }
        call.setOnCancelHandler(() -> {});
        List<S> chosen;
        try {
            chosen = List.copyOf(selection.run());
        } catch (CriException e) {
            call.onError(GrpcErrors.of(e));
            return;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            call.onError(
                    Status.CANCELLED.withDescription("the daemon is stopping").asException());
            return;
        }
        ListStream<S, I, T> stream = new ListStream<>(call, chosen.iterator(), view, batch);
        // gRPC calls the handlers of one call one after the other, so nothing here needs a lock.
        call.setOnReadyHandler(stream::pump);
        stream.pump();
    }

    @SuppressWarnings("CatchingUnchecked") // as in Answer: it must become the call's end
    private void pump() {
        try {
            while (!ended && call.isReady()) {
                List<I> items = next();
                if (items.isEmpty()) {
                    ended = true;
                    call.onCompleted();
                } else {
                    call.onNext(batch.apply(items));
                }
            }
        } catch (CriException e) {
            ended = true;
            call.onError(GrpcErrors.of(e));
        } catch (Exception e) {
            ended = true;
            LOG.error("a streamed list failed unexpectedly", e);
            call.onError(Status.INTERNAL.withDescription("internal error: " + e).asException());
        }
    }

    private List<I> next() throws CriException {
        List<I> items = new ArrayList<>();
        int bytes = 0;
        while (rest.hasNext() && items.size() < BATCH_ITEMS && bytes < BATCH_BYTES) {
            try {
                I item = view.of(rest.next());
                items.add(item);
                bytes += item.getSerializedSize();
            } catch (CriException e) {
                if (e.kind() != CriException.Kind.NOT_FOUND) {
                    throw e;
                }
            }
        }
        return items;
    }
}
