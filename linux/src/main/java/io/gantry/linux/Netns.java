package io.gantry.linux;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** Network namespaces, named by a path such as {@code /run/netns/x} or {@code /proc/1/ns/net}. */
public final class Netns {
    private static final int CLONE_NEWNET = 0x40000000;

    private Netns() {}

    /**
     * Runs something on a platform thread that is in the namespace and ends afterwards. A socket made there stays in that namespace and works from any thread.
     *
     * @throws LinuxException if the namespace cannot be entered; else whatever the callable throws
     * @throws InterruptedException if the waiting thread is interrupted; the work is interrupted too
     */
    public static <T> T call(Path netns, Callable<T> work) throws Exception {
        FutureTask<T> task = new FutureTask<>(() -> {
            enter(netns);
            return work.call();
        });
        Thread thread = Thread.ofPlatform().name("gantry-netns").daemon().start(task);
        try {
            return task.get();
        } catch (InterruptedException e) {
            thread.interrupt();
            throw e;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Exception failure) {
                throw failure;
            }
            throw e;
        }
    }

    /** Whether a namespace is bound to the path: an empty file left by a crash is none. */
    public static boolean exists(Path netns) {
        try {
            return FileSystemStat.of(netns).type() == FileSystemStat.NSFS;
        } catch (LinuxException e) {
            return false;
        }
    }

    private static void enter(Path netns) throws LinuxException {
        try (Fd fd = Fd.open(netns, OpenFlags.RDONLY, 0);
                Scratch s = Scratch.take()) {
            Syscalls.check(Syscalls.call(s, Syscalls.SETNS, fd.value(), CLONE_NEWNET), "setns", netns.toString());
        }
    }
}
