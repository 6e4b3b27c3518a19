package io.gantry.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * A reusable piece of native memory for the arguments of one system call, so that a call allocates nothing. Kept in a pool and not in a thread-local, since with a
 * virtual thread per request that would be one per request.
 */
final class Scratch implements AutoCloseable {
    /** An extended attribute has at most 64 KiB; a rename takes two paths of 4 KiB. */
    static final int CAPACITY = 80 * 1024;

    static final int CHUNK = 64 * 1024;

    private static final ConcurrentLinkedQueue<Scratch> POOL = new ConcurrentLinkedQueue<>();

    final MemorySegment errno = Arena.global().allocate(8, 8);
    final MemorySegment memory = Arena.global().allocate(CAPACITY, 16);
    private final long base = memory.address();
    private int used;

    private Scratch() {}

    static Scratch take() {
        Scratch scratch = POOL.poll();
        if (scratch == null) {
            scratch = new Scratch();
        }
        scratch.used = 0;
        return scratch;
    }

    @Override
    public void close() {
        POOL.offer(this);
    }

    /** Reserves bytes, aligned to 8, and gives their offset. */
    int reserve(int bytes) {
        int at = used;
        if (bytes > CAPACITY - at) {
            throw new IllegalArgumentException("a system call's arguments exceed " + CAPACITY + " bytes");
        }
        used = (at + bytes + 7) & ~7;
        return at;
    }

    long address(int offset) {
        return base + offset;
    }

    /** A zeroed structure; gives its offset. */
    int zeroed(int bytes) {
        int at = reserve(bytes);
        memory.asSlice(at, bytes).fill((byte) 0);
        return at;
    }

    void putInt(int offset, int value) {
        memory.set(ValueLayout.JAVA_INT, offset, value);
    }

    void putLong(int offset, long value) {
        memory.set(ValueLayout.JAVA_LONG, offset, value);
    }

    int getInt(int offset) {
        return memory.get(ValueLayout.JAVA_INT, offset);
    }

    long getLong(int offset) {
        return memory.get(ValueLayout.JAVA_LONG, offset);
    }

    short getShort(int offset) {
        return memory.get(ValueLayout.JAVA_SHORT, offset);
    }

    byte getByte(int offset) {
        return memory.get(ValueLayout.JAVA_BYTE, offset);
    }

    void putBytes(int offset, byte[] bytes, int from, int count) {
        MemorySegment.copy(bytes, from, memory, ValueLayout.JAVA_BYTE, offset, count);
    }

    void getBytes(int offset, byte[] bytes, int to, int count) {
        MemorySegment.copy(memory, ValueLayout.JAVA_BYTE, offset, bytes, to, count);
    }

    /** Text as UTF-8 with a NUL; gives its address. */
    long text(String text) {
        return bytes(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Bytes with a NUL added; gives their address. */
    long bytes(byte[] bytes) {
        for (byte b : bytes) {
            if (b == 0) {
                throw new IllegalArgumentException("a NUL in a path or name");
            }
        }
        int at = reserve(bytes.length + 1);
        putBytes(at, bytes, 0, bytes.length);
        memory.set(ValueLayout.JAVA_BYTE, at + bytes.length, (byte) 0);
        return address(at);
    }

    /** A raw path, each char one byte, with a NUL; gives its address. */
    long rawPath(String raw) {
        return raw(raw, true);
    }

    /** One raw component of a path: not empty, not "." nor "..", no slash. */
    long component(String raw) {
        if (raw.isEmpty() || raw.equals(".") || raw.equals("..")) {
            throw new IllegalArgumentException("'" + raw + "' is not the name of a file");
        }
        return raw(raw, false);
    }

    private long raw(String raw, boolean slashes) {
        int length = raw.length();
        int at = reserve(length + 1);
        for (int i = 0; i < length; i++) {
            char c = raw.charAt(i);
            if (c == 0 || c > 0xff || (c == '/' && !slashes)) {
                throw new IllegalArgumentException("'" + raw + "' is not a raw file name");
            }
            memory.set(ValueLayout.JAVA_BYTE, at + i, (byte) c);
        }
        memory.set(ValueLayout.JAVA_BYTE, at + length, (byte) 0);
        return address(at);
    }

    /** The NUL-ended string at an offset as a raw name. */
    String rawAt(int offset, int limit) {
        int end = offset;
        while (end < limit && memory.get(ValueLayout.JAVA_BYTE, end) != 0) {
            end++;
        }
        return rawBetween(offset, end);
    }

    String rawBetween(int offset, int end) {
        byte[] bytes = new byte[end - offset];
        getBytes(offset, bytes, 0, bytes.length);
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }
}
