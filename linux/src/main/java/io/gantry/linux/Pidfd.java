package io.gantry.linux;

import java.time.Duration;

/** A handle on a process that stays the same process (pidfd_open, Linux 5.3). */
public final class Pidfd implements AutoCloseable {
    private final Fd fd;

    private Pidfd(Fd fd) {
        this.fd = fd;
    }

    /** Opens the process with this number; ESRCH if there is none. */
    public static Pidfd open(long pid) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long fd = Syscalls.call(s, Syscalls.PIDFD_OPEN, pid, 0);
            return new Pidfd(Fd.adopt((int) Syscalls.check(fd, "pidfd_open", "process " + pid), "process " + pid));
        }
    }

    /** The descriptor, owned by this object. */
    public Fd fd() {
        return fd;
    }

    /** Sends a signal; ESRCH if the process has ended and was reaped. */
    public void sendSignal(int signal) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            Syscalls.check(
                    Syscalls.call(s, Syscalls.PIDFD_SEND_SIGNAL, fd.value(), signal, 0, 0),
                    "pidfd_send_signal",
                    fd.label());
        }
    }

    /** Whether it has ended, a zombie included. */
    public boolean hasExited() throws LinuxException {
        return Poll.readable(fd, Duration.ZERO);
    }

    /** Waits until it has ended, on a thread of its own. False if it has not by then. */
    public boolean awaitExit(Duration timeout) throws LinuxException {
        return hasExited() || OwnThread.call("pidfd", () -> Poll.readable(fd, timeout));
    }

    @Override
    public void close() {
        fd.close();
    }
}
