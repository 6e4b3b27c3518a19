package io.gantry.sandbox;

import io.gantry.linux.Fd;
import io.gantry.linux.LinuxException;
import io.gantry.linux.OpenFlags;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * One connection to a shim. Its calls block, which on a virtual thread costs no carrier. A deadline closes the channel, since the JDK's Unix sockets have no time-outs.
 */
final class ShimConnection implements AutoCloseable {
    private static final ScheduledThreadPoolExecutor DEADLINES = deadlines();

    private final String pod;
    private final SocketChannel channel;
    private final ReentrantLock writing = new ReentrantLock();
    private final ByteBuffer in =
            ByteBuffer.allocate(512).order(ByteOrder.LITTLE_ENDIAN).flip();
    private @Nullable ScheduledFuture<?> deadline;
    private volatile boolean expired;
    private volatile boolean closed;
    private boolean greeted;

    private ShimConnection(String pod, SocketChannel channel) {
        this.pod = pod;
        this.channel = channel;
    }

    private static ScheduledThreadPoolExecutor deadlines() {
        ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(
                1, Thread.ofPlatform().name("gantry-shim-deadlines").daemon().factory());
        executor.setRemoveOnCancelPolicy(true);
        return executor;
    }

    /**
     * Connects and sends a request.
     *
     * @param limit for the connecting and all that follows until {@link #disarm}
     */
    static ShimConnection open(Path podRunDir, String pod, Frame request, Duration limit) throws SandboxException {
        SocketChannel channel;
        try {
            channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        } catch (IOException e) {
            throw new SandboxException(SandboxException.Kind.INTERNAL, "cannot open a socket: " + e, e);
        }
        ShimConnection connection = new ShimConnection(pod, channel);
        connection.arm(limit);
        // A path in sun_path has at most 107 bytes, and the root folder may be longer.
        try (Fd folder = Fd.open(podRunDir, OpenFlags.PATH | OpenFlags.DIRECTORY, 0)) {
            channel.connect(UnixDomainSocketAddress.of(folder.path().resolve("shim.sock")));
            connection.write(Frame.encode(Frame.hello(), request));
            return connection;
        } catch (LinuxException e) {
            connection.close();
            throw new SandboxException(
                    SandboxException.Kind.UNAVAILABLE, "shim of pod " + pod + " is gone: " + e.getMessage(), e);
        } catch (IOException e) {
            SandboxException failure = connection.failure(e);
            connection.close();
            throw failure;
        } catch (SandboxException e) {
            connection.close();
            throw e;
        }
    }

    /** From now on the connection ends after this time. */
    void arm(Duration limit) {
        disarm();
        deadline = DEADLINES.schedule(this::expire, limit.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** From now on the connection has no time limit. */
    void disarm() {
        if (deadline != null) {
            deadline.cancel(false);
            deadline = null;
        }
    }

    /** Whether the time limit has closed the connection. */
    boolean isExpired() {
        return expired;
    }

    private void expire() {
        expired = true;
        close(channel);
    }

    void send(Frame frame) throws SandboxException {
        write(Frame.encode(frame));
    }

    private void write(byte[] bytes) throws SandboxException {
        writing.lock();
        try {
            ByteBuffer out = ByteBuffer.wrap(bytes);
            while (out.hasRemaining()) {
                channel.write(out);
            }
        } catch (IOException e) {
            throw failure(e);
        } finally {
            writing.unlock();
        }
    }

    /** The next frame after the shim's HELLO; null if the connection has ended, by the shim or by {@link #close}. For one thread at a time. */
    @Nullable
    Frame read() throws SandboxException {
        try {
            if (!greeted) {
                Frame hello = readFrame();
                if (hello == null) {
                    return null;
                }
                List<String> fields = hello.type() == Frame.HELLO ? hello.fields() : List.of();
                if (fields.size() < 2 || !fields.getFirst().equals("gantry-shim")) {
                    throw malformed("it does not greet as a shim");
                }
                greeted = true;
            }
            return readFrame();
        } catch (IOException e) {
            if (closed && !expired) {
                return null;
            }
            throw failure(e);
        } catch (IllegalArgumentException e) {
            throw malformed(e.getMessage());
        }
    }

    /** The next frame, which must be OK; a failure that the shim tells becomes an exception. */
    List<String> readOk(String what, String id) throws SandboxException {
        Frame frame = read();
        if (frame == null) {
            throw new SandboxException(
                    SandboxException.Kind.UNAVAILABLE,
                    what + ": the shim of pod " + pod + " closed the connection without an answer");
        }
        return switch (frame.type()) {
            case Frame.OK -> frame.fields();
            case Frame.ERROR -> throw ShimErrors.toException(what, id, frame.fields());
            default -> throw malformed("it answered '" + what + "' with a frame of type " + frame.type());
        };
    }

    SandboxException malformed(@Nullable String why) {
        return new SandboxException(
                SandboxException.Kind.INTERNAL, "the shim of pod " + pod + " broke the protocol: " + why);
    }

    private @Nullable Frame readFrame() throws IOException {
        in.compact();
        while (in.position() < Frame.HEADER) {
            if (channel.read(in) < 0) {
                if (in.position() == 0) {
                    in.flip();
                    return null;
                }
                throw new IOException("the connection ended inside a frame");
            }
        }
        in.flip();
        int length = in.getInt();
        int type = in.get() & 0xff;
        in.get();
        in.getShort();
        if (length < 0 || length > Frame.MAX_PAYLOAD) {
            throw new IllegalArgumentException("a frame of " + (length & 0xffffffffL) + " bytes");
        }
        byte[] payload = new byte[length];
        int buffered = Math.min(length, in.remaining());
        in.get(payload, 0, buffered);
        ByteBuffer rest = ByteBuffer.wrap(payload, buffered, length - buffered);
        while (rest.hasRemaining()) {
            if (channel.read(rest) < 0) {
                throw new IOException("the connection ended inside a frame");
            }
        }
        return new Frame(type, payload);
    }

    private SandboxException failure(IOException e) {
        String why = expired ? " does not answer" : " is gone: " + e;
        if (e instanceof ClosedByInterruptException) {
            why = " was not waited for: the thread was interrupted";
        }
        return new SandboxException(SandboxException.Kind.UNAVAILABLE, "shim of pod " + pod + why, e);
    }

    @Override
    public void close() {
        closed = true;
        disarm();
        close(channel);
    }

    private static void close(SocketChannel channel) {
        try {
            channel.close();
        } catch (IOException e) {
            // Nothing was buffered, so nothing is lost.
        }
    }
}
