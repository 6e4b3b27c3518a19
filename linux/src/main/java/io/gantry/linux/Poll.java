package io.gantry.linux;

import java.time.Duration;

/** ppoll(2). It blocks, so a long one belongs on a platform thread. */
final class Poll {
    private static final int POLLIN = 1;

    private Poll() {}

    /** Waits until the descriptor is readable or hung up. False on timeout. */
    static boolean readable(Fd fd, Duration timeout) throws LinuxException {
        return first(timeout, fd) == 0;
    }

    /** The index of the first readable or hung up descriptor, or -1 on timeout. */
    static int first(Duration timeout, Fd... fds) throws LinuxException {
        long deadline = System.nanoTime() + timeout.toNanos();
        try (Scratch s = Scratch.take()) {
            int at = s.zeroed(8 * fds.length);
            for (int i = 0; i < fds.length; i++) {
                s.putInt(at + 8 * i, fds[i].value());
                s.putInt(at + 8 * i + 4, POLLIN);
            }
            int time = s.reserve(16);
            while (true) {
                long left = Math.max(0, deadline - System.nanoTime());
                s.putLong(time, left / 1_000_000_000L);
                s.putLong(time + 8, left % 1_000_000_000L);
                long result = Syscalls.once(s, Syscalls.PPOLL, s.address(at), fds.length, s.address(time), 0, 0, 0);
                if (result == -Errno.EINTR) {
                    continue;
                }
                if (Syscalls.check(result, "ppoll", fds[0].label()) == 0) {
                    return -1;
                }
                for (int i = 0; i < fds.length; i++) {
                    if (s.getShort(at + 8 * i + 6) != 0) {
                        return i;
                    }
                }
            }
        }
    }
}
