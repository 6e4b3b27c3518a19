package io.gantry.sandbox;

import io.gantry.linux.Errno;
import org.jspecify.annotations.Nullable;

/**
 * A running exec or attach. One thread reads, any threads write. Closing it hangs up on an exec'd process, which is not killed by that; an attached container does not
 * notice.
 */
public final class StreamSession implements AutoCloseable {
    /** Sets the size of a terminal by a connection of its own, so that no input is in the way. */
    interface Sizes {
        /** ESRCH when the process has exited, ENOSYS from a shim that is older than this. */
        void set(String id, long pid, int width, int height) throws SandboxException;
    }

    private final ShimConnection connection;
    private final String what;
    private final String id;
    private final long pid;
    private final Sizes sizes;
    private volatile boolean olderShim;

    StreamSession(ShimConnection connection, String what, String id, long pid, Sizes sizes) {
        this.connection = connection;
        this.what = what;
        this.id = id;
        this.pid = pid;
        this.sizes = sizes;
    }

    /** The exec'd process as the host numbers it; 0 for an attach. */
    public long pid() {
        return pid;
    }

    /**
     * Blocks for the next piece of output. After an Exit nothing more comes.
     *
     * @return null when this session was closed, or the shim ended the connection
     */
    public @Nullable StreamEvent next() throws SandboxException {
        Frame frame = connection.read();
        if (frame == null) {
            return null;
        }
        return switch (frame.type()) {
            case Frame.STDOUT -> new StreamEvent.Stdout(frame.payload());
            case Frame.STDERR -> new StreamEvent.Stderr(frame.payload());
            case Frame.EXIT -> new StreamEvent.Exit(exit(frame));
            case Frame.ERROR -> throw ShimErrors.toException(what, id, frame.fields());
            default -> throw connection.malformed("a frame of type " + frame.type() + " in a session");
        };
    }

    private ContainerExit exit(Frame frame) throws SandboxException {
        try {
            return ContainerExit.of(Records.pairs(frame.fields()));
        } catch (IllegalArgumentException e) {
            throw connection.malformed(e.getMessage());
        }
    }

    /** Writes to the process's standard input; blocks while it takes none and the shim's buffer is full. */
    public void stdin(byte[] data, int from, int count) throws SandboxException {
        for (int at = from; at < from + count; at += Frame.MAX_DATA) {
            byte[] piece = new byte[Math.min(Frame.MAX_DATA, from + count - at)];
            System.arraycopy(data, at, piece, 0, piece.length);
            connection.send(new Frame(Frame.STDIN, piece));
        }
    }

    /** Writes to the process's standard input. */
    public void stdin(byte[] data) throws SandboxException {
        stdin(data, 0, data.length);
    }

    /** Ends the standard input. */
    public void closeStdin() throws SandboxException {
        connection.send(Frame.text(Frame.STDIN_EOF));
    }

    /** Sets the size of the terminal, in characters. Waits for no input that the process does not take, but with a shim of an older build. */
    public void resize(int width, int height) throws SandboxException {
        if (!olderShim) {
            try {
                sizes.set(id, pid, width, height);
                return;
            } catch (SandboxException e) {
                if (e.errno() == Errno.ESRCH) {
                    return; // of its end this session tells
                }
                if (e.errno() != Errno.ENOSYS) {
                    throw e;
                }
                olderShim = true;
            }
        }
        connection.send(Frame.text(Frame.RESIZE, width, height));
    }

    @Override
    public void close() {
        connection.close();
    }
}
