package io.gantry.sandbox;

/** Something about a pod's isolation that could not be done. The message says what was tried, on which id or path, and why it failed. */
public final class SandboxException extends Exception {
    /** What kind of failure, for the answer to the caller. */
    public enum Kind {
        /** The container, the user or the file asked for does not exist. */
        NOT_FOUND,
        ALREADY_EXISTS,
        /** The request itself is wrong: an unknown capability, a bad seccomp profile, a limit that the kernel refuses. */
        INVALID,
        /** The shim does not answer, or is gone. */
        UNAVAILABLE,
        /** Not in the present state: a container that still runs, or has ended. */
        FAILED_PRECONDITION,
        INTERNAL
    }

    private final Kind kind;
    private final String step;
    private final int errno;

    public SandboxException(Kind kind, String message) {
        this(kind, message, "", 0);
    }

    public SandboxException(Kind kind, String message, Throwable cause) {
        this(kind, message);
        initCause(cause);
    }

    /**
     * A failure that the shim told.
     *
     * @param step the record or step that failed, such as {@code mount} or {@code exec}
     * @param errno 0 if there is none
     */
    public SandboxException(Kind kind, String message, String step, int errno) {
        super(message);
        this.kind = kind;
        this.step = step;
        this.errno = errno;
    }

    public Kind kind() {
        return kind;
    }

    /** The shim's step that failed; empty if the failure is not the shim's. */
    public String step() {
        return step;
    }

    /** The error number of the shim's step, 0 if there is none. */
    public int errno() {
        return errno;
    }
}
