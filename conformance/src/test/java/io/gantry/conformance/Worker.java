package io.gantry.conformance;

import java.util.concurrent.atomic.AtomicReference;

/** A thread that repeats a step until it is stopped or a step fails. */
final class Worker implements AutoCloseable {
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final Thread thread;
    private volatile boolean stopped;

    Worker(String name, Runnable step) {
        thread = Thread.ofPlatform().name(name).start(() -> {
            try {
                while (!stopped) {
                    step.run();
                }
            } catch (RuntimeException | AssertionError e) {
                failure.set(e);
            }
        });
    }

    /** Lets the present step end, and fails as a step did. */
    void stop() {
        close();
        Throwable thrown = failure.get();
        if (thrown != null) {
            throw new AssertionError(thread.getName() + " failed", thrown);
        }
    }

    /** As {@link #stop}, for after another failure: it tells nothing. */
    @Override
    public void close() {
        stopped = true;
        LoadTest.join(thread);
    }
}
