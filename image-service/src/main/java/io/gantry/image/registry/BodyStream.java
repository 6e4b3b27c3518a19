package io.gantry.image.registry;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.SocketTimeoutException;
import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The body of a response as a stream with a limit on stalls, which the JDK's own lacks: a read that waits longer for the next byte fails. It holds a few
 * buffers of the connection and stops reading from it meanwhile. For one reader.
 */
final class BodyStream extends InputStream implements BodySubscriber<BodyStream> {
    /** Pieces of up to 16 KiB each that may wait here. */
    private static final int AHEAD = 16;

    private final BlockingQueue<Piece> queue = new LinkedBlockingQueue<>();
    private final Duration stall;
    private Flow.@Nullable Subscription subscription;
    private List<ByteBuffer> current = List.of();
    private int index;
    private @Nullable Piece last;

    BodyStream(Duration stall) {
        this.stall = stall;
    }

    /** Some bytes, or the end with or without a failure. */
    private record Piece(
            List<ByteBuffer> bytes, boolean end, @Nullable Throwable failure) {}

    @Override
    public CompletionStage<BodyStream> getBody() {
        return CompletableFuture.completedFuture(this);
    }

    @Override
    public void onSubscribe(Flow.Subscription given) {
        subscription = given;
        given.request(AHEAD);
    }

    @Override
    public void onNext(List<ByteBuffer> bytes) {
        queue.add(new Piece(bytes, false, null));
    }

    @Override
    public void onError(Throwable failure) {
        queue.add(new Piece(List.of(), true, failure));
    }

    @Override
    public void onComplete() {
        queue.add(new Piece(List.of(), true, null));
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int from, int count) throws IOException {
        if (count == 0) {
            return 0;
        }
        int done = 0;
        while (done < count) {
            if (index == current.size()) {
                // What is there already is handed out before anything is waited for.
                if ((done > 0 && queue.isEmpty()) || !nextPiece()) {
                    break;
                }
                continue;
            }
            ByteBuffer buffer = current.get(index);
            int chunk = Math.min(buffer.remaining(), count - done);
            buffer.get(into, from + done, chunk);
            done += chunk;
            if (!buffer.hasRemaining()) {
                index++;
            }
        }
        return done == 0 ? -1 : done;
    }

    private boolean nextPiece() throws IOException {
        Piece piece = last;
        if (piece == null) {
            try {
                piece = queue.poll(stall.toNanos(), TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                close();
                throw new InterruptedIOException("reading from a registry was interrupted");
            }
        }
        if (piece == null) {
            close();
            throw new SocketTimeoutException("no byte came for " + stall.toSeconds() + " s");
        }
        if (piece.end()) {
            last = piece;
            if (piece.failure() != null) {
                throw new IOException("the connection broke: " + piece.failure().getMessage(), piece.failure());
            }
            return false;
        }
        current = piece.bytes();
        index = 0;
        if (subscription != null) {
            subscription.request(1);
        }
        return true;
    }

    /** Ends the connection unless the body has been read to its end. */
    @Override
    public void close() {
        if (subscription != null) {
            subscription.cancel();
        }
    }
}
