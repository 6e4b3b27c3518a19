package io.gantry.linux;

import java.io.IOException;

/** A system call that failed. The message reads like {@code openat2 /x/y: No such file or directory (ENOENT)}. */
public final class LinuxException extends IOException {
    private final String call;
    private final int errno;

    /**
     * @param call the system call, as in its manual page
     * @param subject the path or object that it was about, may be empty
     * @param errno a number of {@link Errno}
     */
    public LinuxException(String call, String subject, int errno) {
        super(call + (subject.isEmpty() ? "" : " " + subject) + ": " + Errno.text(errno) + " (" + Errno.name(errno)
                + ")");
        this.call = call;
        this.errno = errno;
    }

    /** The error number, positive. */
    public int errno() {
        return errno;
    }

    /** The name of the system call. */
    public String call() {
        return call;
    }
}
