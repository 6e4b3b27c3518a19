package io.gantry.linux;

import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/** A file descriptor of this process, close-on-exec, closed once however often {@link #close} is called. */
public final class Fd implements AutoCloseable {
    private static final int XATTR_MAX = 64 * 1024;

    private final AtomicInteger number;
    private final String label;

    private Fd(int number, String label) {
        this.number = new AtomicInteger(number);
        this.label = label;
    }

    /**
     * Takes over an open descriptor.
     *
     * @param label for messages: the path it was opened by
     */
    public static Fd adopt(int number, String label) {
        if (number < 0) {
            throw new IllegalArgumentException("not a file descriptor: " + number);
        }
        return new Fd(number, label);
    }

    /** Opens a path that is trusted: symbolic links are followed as usual. Close-on-exec is added. */
    public static Fd open(Path path, int flags, int mode) throws LinuxException {
        return open(path.toString(), flags, mode);
    }

    static Fd open(String path, int flags, int mode) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long pathAddress = s.text(path);
            return openat2(s, Syscalls.AT_FDCWD, pathAddress, flags, mode, 0, path);
        }
    }

    static Fd openat2(Scratch s, int dirfd, long pathAddress, int flags, int mode, int resolve, String label)
            throws LinuxException {
        int how = s.reserve(24);
        s.putLong(how, flags | OpenFlags.CLOEXEC);
        // The kernel refuses a mode without O_CREAT.
        s.putLong(how + 8, (flags & OpenFlags.CREAT) == 0 ? 0 : mode);
        s.putLong(how + 16, resolve);
        long result = -Errno.EAGAIN;
        // EAGAIN: a rename anywhere on the machine raced with the lookup of ".." below a scoped root.
        for (int tries = 0; tries < 100 && result == -Errno.EAGAIN; tries++) {
            result = Syscalls.call(s, Syscalls.OPENAT2, dirfd, pathAddress, s.address(how), 24);
        }
        return adopt((int) Syscalls.check(result, "openat2", label), label);
    }

    /** The number. Meaningless once closed. */
    public int value() {
        int value = number.get();
        if (value < 0) {
            throw new IllegalStateException("the descriptor of " + label + " is closed");
        }
        return value;
    }

    /** A path by which java.nio reaches the same file: {@code /proc/self/fd/N}. */
    public Path path() {
        return Path.of("/proc/self/fd/" + value());
    }

    /** What it was opened by, for messages. */
    public String label() {
        return label;
    }

    /** Reads up to {@code count} bytes; -1 at the end of the file. */
    public int read(byte[] into, int from, int count) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            int chunk = Math.min(count, Scratch.CHUNK);
            int at = s.reserve(chunk);
            int got = (int)
                    Syscalls.check(Syscalls.call(s, Syscalls.READ, value(), s.address(at), chunk, 0), "read", label);
            s.getBytes(at, into, from, got);
            return got == 0 && count > 0 ? -1 : got;
        }
    }

    /**
     * Reads to the end.
     *
     * @param limit bytes; a longer file is an error, EFBIG
     */
    public byte[] readAll(int limit) throws LinuxException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] buffer = new byte[8192];
        while (true) {
            int got = read(buffer, 0, buffer.length);
            if (got < 0) {
                return all.toByteArray();
            }
            if (all.size() + got > limit) {
                throw new LinuxException("read", label, Errno.EFBIG);
            }
            all.write(buffer, 0, got);
        }
    }

    /** Writes all bytes at the file's position. */
    public void write(byte[] bytes) throws LinuxException {
        write(bytes, 0, bytes.length);
    }

    /** Writes all of a range at the file's position. */
    public void write(byte[] bytes, int from, int count) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            int at = s.reserve(Math.min(count, Scratch.CHUNK));
            int done = 0;
            while (done < count) {
                int chunk = Math.min(count - done, Scratch.CHUNK);
                s.putBytes(at, bytes, from + done, chunk);
                done += (int) Syscalls.check(
                        Syscalls.call(s, Syscalls.WRITE, value(), s.address(at), chunk, 0), "write", label);
            }
        }
    }

    /** Moves the file's position, in bytes from the start. */
    public void seek(long position) throws LinuxException {
        simple("lseek", Syscalls.LSEEK, position, 0);
    }

    /** Sets the file's length in bytes; what is added is a hole. */
    public void truncate(long length) throws LinuxException {
        simple("ftruncate", Syscalls.FTRUNCATE, length, 0);
    }

    /** Waits until the file's data is on the disk. */
    public void sync() throws LinuxException {
        simple("fsync", Syscalls.FSYNC, 0, 0);
    }

    /** Waits until all of the file system that holds this file is on the disk. */
    public void syncFileSystem() throws LinuxException {
        simple("syncfs", Syscalls.SYNCFS, 0, 0);
    }

    /** Sets the owner of the open file (not for one opened with {@link OpenFlags#PATH}). */
    public void chown(int uid, int gid) throws LinuxException {
        simple("fchown", Syscalls.FCHOWN, uid, gid);
    }

    /** Sets the permission bits of the open file (not for one opened with {@link OpenFlags#PATH}). */
    public void chmod(int mode) throws LinuxException {
        simple("fchmod", Syscalls.FCHMOD, mode & 07777, 0);
    }

    /** Sets access and modification time; nanoseconds from 0 to 999 999 999. */
    public void setTimes(long atimeSeconds, int atimeNanos, long mtimeSeconds, int mtimeNanos) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long times = timespecs(s, atimeSeconds, atimeNanos, mtimeSeconds, mtimeNanos);
            Syscalls.check(Syscalls.call(s, Syscalls.UTIMENSAT, value(), 0, times, 0), "utimensat", label);
        }
    }

    /** What is known about the open file; works with {@link OpenFlags#PATH} too. */
    public FileStat stat() throws LinuxException {
        try (Scratch s = Scratch.take()) {
            int[] at = new int[1];
            long empty = s.text("");
            Syscalls.check(FileStat.call(s, value(), empty, Syscalls.AT_EMPTY_PATH, at), "statx", label);
            return FileStat.read(s, at[0]);
        }
    }

    /** Sets an extended attribute of the open file. */
    public void setXattr(String name, byte[] value) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long nameAddress = s.text(name);
            int at = s.reserve(value.length);
            s.putBytes(at, value, 0, value.length);
            Syscalls.check(
                    Syscalls.call(s, Syscalls.FSETXATTR, value(), nameAddress, s.address(at), value.length, 0, 0),
                    "fsetxattr",
                    label + " " + name);
        }
    }

    /** An extended attribute of the open file; ENODATA if it is not there. */
    public byte[] getXattr(String name) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long nameAddress = s.text(name);
            int at = s.reserve(XATTR_MAX);
            int got = (int) Syscalls.check(
                    Syscalls.call(s, Syscalls.FGETXATTR, value(), nameAddress, s.address(at), XATTR_MAX),
                    "fgetxattr",
                    label + " " + name);
            byte[] value = new byte[got];
            s.getBytes(at, value, 0, got);
            return value;
        }
    }

    @Override
    public void close() {
        int value = number.getAndSet(-1);
        if (value >= 0) {
            try (Scratch s = Scratch.take()) {
                // The descriptor is gone even when close reports EINTR or EIO: never try again.
                Syscalls.once(s, Syscalls.CLOSE, value, 0, 0, 0, 0, 0);
            }
        }
    }

    @Override
    public String toString() {
        return "fd " + number.get() + " (" + label + ")";
    }

    static long timespecs(Scratch s, long atimeSeconds, int atimeNanos, long mtimeSeconds, int mtimeNanos) {
        int at = s.reserve(32);
        s.putLong(at, atimeSeconds);
        s.putLong(at + 8, atimeNanos);
        s.putLong(at + 16, mtimeSeconds);
        s.putLong(at + 24, mtimeNanos);
        return s.address(at);
    }

    private void simple(String name, int number, long a, long b) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            Syscalls.check(Syscalls.call(s, number, value(), a, b, 0), name, label);
        }
    }
}
