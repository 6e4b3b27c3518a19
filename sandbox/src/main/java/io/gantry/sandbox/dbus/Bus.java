package io.gantry.sandbox.dbus;

import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A connection to a message bus, or to a single service. Calls may come from any thread, at once. When the connection ends, every call under way and each later one fails
 * with an IOException; a new connection must be made then.
 */
public final class Bus implements AutoCloseable {
    private static final String DAEMON = "org.freedesktop.DBus";
    private static final Duration GREETING = Duration.ofSeconds(10);

    private final SocketChannel channel;
    private final Listener listener;
    private final ReentrantLock writing = new ReentrantLock();
    private final ConcurrentHashMap<Integer, CompletableFuture<Message>> calls = new ConcurrentHashMap<>();
    private int lastSerial;
    private volatile boolean ended;

    private Bus(SocketChannel channel, Listener listener) {
        this.channel = channel;
        this.listener = listener;
    }

    /** Gets signals on the thread that reads: it must not wait for anything. */
    public interface Listener {
        /**
         * A signal came in.
         *
         * @param arguments its leading arguments that are text, object paths (String) or numbers (Integer)
         */
        void signal(String path, String member, List<Object> arguments);
    }

    /** Whom and what to call. */
    public record Method(String destination, String path, String interfaceName, String member) {}

    /**
     * Connects and proves who this process is.
     *
     * @param isDirect the socket is a service's own, not that of a bus
     */
    public static Bus connect(Path socket, boolean isDirect, Listener listener) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        Bus bus = new Bus(channel, listener);
        try {
            channel.connect(UnixDomainSocketAddress.of(socket));
            bus.authenticate();
            Thread.ofVirtual().name("gantry-dbus").start(bus::read);
            if (!isDirect) {
                bus.call(new Method(DAEMON, "/org/freedesktop/DBus", DAEMON, "Hello"), List.of(), GREETING);
            }
            return bus;
        } catch (IOException e) {
            bus.close();
            throw e;
        }
    }

    /** The kernel tells the other side our uid (SO_PEERCRED); EXTERNAL only names it. */
    private void authenticate() throws IOException {
        String uid = HexFormat.of().formatHex(uid().getBytes(StandardCharsets.US_ASCII));
        write("\0AUTH EXTERNAL " + uid + "\r\n");
        String answer = line();
        if (!answer.startsWith("OK ")) {
            throw new IOException("refused: " + answer);
        }
        write("BEGIN\r\n");
    }

    private static String uid() throws IOException {
        return String.valueOf(java.nio.file.Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
    }

    private void write(String text) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder();
        ByteBuffer one = ByteBuffer.allocate(1);
        while (line.length() < 512) {
            if (channel.read(one.clear()) < 0) {
                throw new EOFException("the connection ended while greeting");
            }
            char c = (char) one.get(0);
            if (c == '\n') {
                break;
            }
            if (c != '\r') {
                line.append(c);
            }
        }
        return line.toString();
    }

    /** Wants the signals that match a rule. Not for direct connections, which get all. */
    public void match(String rule) throws IOException {
        call(new Method(DAEMON, "/org/freedesktop/DBus", DAEMON, "AddMatch"), List.of(new Value.Text(rule)), GREETING);
    }

    /**
     * Calls and waits for the answer.
     *
     * @return the leading arguments of the answer, as in {@link Listener#signal}
     * @throws CallFailedException if the answer is an error
     */
    public List<Object> call(Method method, List<Value> arguments, Duration limit) throws IOException {
        CompletableFuture<Message> answer = new CompletableFuture<>();
        int serial = send(method, arguments, answer);
        try {
            if (ended) {
                throw new EOFException("the connection has ended");
            }
            Message message = answer.get(limit.toNanos(), TimeUnit.NANOSECONDS);
            if (message.type() == Message.ERROR) {
                throw new CallFailedException(message.error(), message.text(0));
            }
            return message.arguments();
        } catch (TimeoutException e) {
            throw new IOException(method.member() + " was not answered within " + limit.toSeconds() + " s", e);
        } catch (ExecutionException e) {
            throw new IOException(String.valueOf(e.getCause()), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            InterruptedIOException interrupted = new InterruptedIOException(method.member() + ": interrupted");
            interrupted.initCause(e);
            throw interrupted;
        } finally {
            calls.remove(serial);
        }
    }

    private int send(Method method, List<Value> arguments, CompletableFuture<Message> answer) throws IOException {
        writing.lock();
        try {
            int serial = ++lastSerial;
            calls.put(serial, answer);
            ByteBuffer bytes = ByteBuffer.wrap(encode(method, arguments, serial));
            // A channel is closed when the thread that writes is interrupted; the next call makes a new connection.
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            return serial;
        } finally {
            writing.unlock();
        }
    }

    static byte[] encode(Method method, List<Value> arguments, int serial) {
        Writer body = new Writer();
        StringBuilder signature = new StringBuilder();
        for (Value argument : arguments) {
            signature.append(argument.signature());
            body.value(argument);
        }
        byte[] content = body.toBytes();
        Writer message = new Writer();
        message.octet('l')
                .octet(Message.CALL)
                .octet(0)
                .octet(1)
                .u32(content.length)
                .u32(serial);
        message.array(8, fields -> {
            field(fields, 1, "o").text(method.path());
            field(fields, 2, "s").text(method.interfaceName());
            field(fields, 3, "s").text(method.member());
            field(fields, 6, "s").text(method.destination());
            if (!signature.isEmpty()) {
                field(fields, 8, "g").signature(signature.toString());
            }
        });
        return message.align(8).bytes(content).toBytes();
    }

    private static Writer field(Writer fields, int code, String type) {
        return fields.align(8).octet(code).signature(type);
    }

    private void read() {
        IOException why = new EOFException("the connection has ended");
        try {
            while (true) {
                ByteBuffer fixed = ByteBuffer.allocate(Message.FIXED);
                fill(fixed);
                ByteBuffer whole = ByteBuffer.allocate(Message.length(fixed));
                whole.put(fixed.flip());
                fill(whole);
                take(Message.parse(whole.flip()));
            }
        } catch (IOException e) {
            why = e;
        } finally {
            end(why);
        }
    }

    private void fill(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            if (channel.read(bytes) < 0) {
                throw new EOFException("the other side ended the connection");
            }
        }
    }

    private void take(Message message) {
        if (message.type() == Message.SIGNAL) {
            listener.signal(message.path(), message.member(), message.arguments());
            return;
        }
        CompletableFuture<Message> call = calls.remove(message.replySerial());
        if (call != null) {
            call.complete(message);
        }
    }

    private void end(IOException why) {
        ended = true;
        close();
        calls.values().forEach(call -> call.completeExceptionally(why));
    }

    /** Whether calls can still be made. */
    public boolean isOpen() {
        return !ended && channel.isOpen();
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            // Nothing was buffered, so nothing is lost.
        }
    }
}
