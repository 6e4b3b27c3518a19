package io.gantry.linux;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** Runs something on a platform thread of its own that ends with it: for calls that block, or that change the thread for good (setns, unshare). */
final class OwnThread {
    /** Something that may fail as the calls of this module do. */
    interface Work<T> {
        T run() throws LinuxException;
    }

    private OwnThread() {}

    static <T> T call(String name, Work<T> work) throws LinuxException {
        FutureTask<T> task = new FutureTask<>(work::run);
        Thread.ofPlatform().name("gantry-" + name).daemon().start(task);
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    // The work is short or has a deadline of its own, and half of it must not be left behind.
                    interrupted = true;
                } catch (ExecutionException e) {
                    Throwable cause = e.getCause();
                    if (cause instanceof LinuxException failure) {
                        throw failure;
                    }
                    if (cause instanceof RuntimeException failure) {
                        throw failure;
                    }
                    throw new IllegalStateException(e);
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
