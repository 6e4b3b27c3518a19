package io.gantry.runtime.streaming;

import io.gantry.sandbox.ContainerExit;
import io.gantry.sandbox.StreamEvent;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** A process without a shim: the test says what it prints and when it ends. */
final class FakeProcess implements ProcessSession {
    final BlockingQueue<Optional<StreamEvent>> events = new LinkedBlockingQueue<>();
    final ByteArrayOutputStream stdin = new ByteArrayOutputStream();
    final CountDownLatch stdinClosed = new CountDownLatch(1);
    final CountDownLatch closed = new CountDownLatch(1);
    final CountDownLatch readsStdin = new CountDownLatch(1);
    final BlockingQueue<String> sizes = new LinkedBlockingQueue<>();
    final AtomicLong printed = new AtomicLong();

    void prints(byte[] data) {
        events.add(Optional.of(new StreamEvent.Stdout(data)));
    }

    void exits(int code) {
        events.add(Optional.of(new StreamEvent.Exit(new ContainerExit("c", code, 0, false, false, 1, 2))));
    }

    @Override
    public @Nullable StreamEvent next() throws IOException {
        try {
            StreamEvent event = events.take().orElse(null);
            if (event instanceof StreamEvent.Stdout output) {
                printed.addAndGet(output.data().length);
            }
            return event;
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    @Override
    public void stdin(byte[] data) throws IOException {
        try {
            readsStdin.await();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        stdin.writeBytes(data);
    }

    @Override
    public void closeStdin() {
        stdinClosed.countDown();
    }

    @Override
    public void resize(int width, int height) {
        sizes.add(width + "x" + height);
    }

    @Override
    public void close() {
        closed.countDown();
        readsStdin.countDown();
        events.add(Optional.empty());
    }
}
