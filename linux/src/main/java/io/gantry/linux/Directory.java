package io.gantry.linux;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * An open directory and what can be done below it, safe in a tree that somebody else wrote. Every operation on a name takes one component and follows no symbolic
 * link; only the methods named {@code ...InRoot} and {@link #openDirectory}, {@link #openFile} take longer paths, which the kernel confines (openat2, Linux 5.6).
 *
 * <p>Names are <em>raw</em>: a String of which each char is one byte (ISO-8859-1), since the names in image layers need not be UTF-8. {@link #raw} and {@link #text}
 * convert; for ASCII they are the same. A name that is empty, "." or "..", or holds a slash, a NUL or a char above 255 is an IllegalArgumentException.
 *
 * <p>Safe for use by several threads, {@link #list} included.
 */
public final class Directory implements AutoCloseable {
    /** File types as {@link Entry#type} gives them: those of {@link FileStat}, shifted by 12. */
    public static final int TYPE_DIRECTORY = FileStat.DIRECTORY >> 12;

    private static final int RESOLVE_NO_XDEV = 0x01;
    private static final int RESOLVE_NO_MAGICLINKS = 0x02;
    private static final int RESOLVE_NO_SYMLINKS = 0x04;
    private static final int RESOLVE_BENEATH = 0x08;
    private static final int RESOLVE_IN_ROOT = 0x10;
    private static final int CONFINED = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    private static final long FS_IOC_GETFLAGS = 0x8008_6601L;
    private static final long FS_IOC_SETFLAGS = 0x4008_6602L;
    private static final int FS_TOPDIR_FL = 0x00020000;
    private static final int XATTR_MAX = 64 * 1024;
    private static final int PATH_MAX = 4096;

    private final Fd fd;

    /**
     * One entry of a directory.
     *
     * @param name raw
     * @param type DT_* of getdents64(2), 0 where the file system does not tell
     */
    public record Entry(String name, int type, long ino) {}

    private Directory(Fd fd) {
        this.fd = fd;
    }

    /** Opens a directory by a path that is trusted: symbolic links are followed as usual. */
    public static Directory open(Path path) throws LinuxException {
        return new Directory(Fd.open(path, OpenFlags.RDONLY | OpenFlags.DIRECTORY, 0));
    }

    /** Takes over the descriptor of a directory, a detached mount's too. */
    public static Directory adopt(Fd fd) {
        return new Directory(fd);
    }

    /** The raw name of a text: its UTF-8 bytes, a char each. */
    public static String raw(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1);
    }

    /** The text of a raw name, malformed UTF-8 replaced: for messages. */
    public static String text(String raw) {
        return new String(raw.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
    }

    /** The descriptor, owned by this object; its chown, chmod, setTimes and setXattr act on the directory itself. */
    public Fd fd() {
        return fd;
    }

    /** Opens a directory below this one by a raw relative path, through no symbolic link. */
    public Directory openDirectory(String path) throws LinuxException {
        return new Directory(openConfined(path, OpenFlags.RDONLY | OpenFlags.DIRECTORY, 0, CONFINED));
    }

    /** Opens or makes a file below this one by a raw relative path, through no symbolic link (ELOOP if the last component is one). */
    public Fd openFile(String path, int flags, int mode) throws LinuxException {
        return openConfined(path, flags | OpenFlags.NOCTTY, mode, CONFINED);
    }

    /** Opens a path as a process would that has this directory as its root: links are followed, but never out of it. */
    public Fd openInRoot(String path, int flags, int mode) throws LinuxException {
        return openConfined(path, flags | OpenFlags.NOCTTY, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    }

    /** Opens a directory as a process would that has this directory as its root. */
    public Directory openDirectoryInRoot(String path) throws LinuxException {
        return new Directory(openInRoot(path, OpenFlags.RDONLY | OpenFlags.DIRECTORY, 0));
    }

    /** As {@link #openDirectory} for one component, and not into another mount (EXDEV). */
    Directory openSameMount(String name) throws LinuxException {
        return new Directory(openConfined(name, OpenFlags.RDONLY | OpenFlags.DIRECTORY, 0, CONFINED | RESOLVE_NO_XDEV));
    }

    /** Makes a directory; the process's umask applies. */
    public void mkdir(String name, int mode) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            check(s, Syscalls.MKDIRAT, s.component(name), mode, 0, "mkdirat", name);
        }
    }

    /** Makes a device, FIFO, socket or empty file; the process's umask applies. */
    public void mknod(String name, int mode, int major, int minor) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            // The kernel's own packing (new_encode_dev), which has 12 bits for the major.
            long device = (minor & 0xffL) | ((major & 0xfffL) << 8) | ((minor & ~0xffL & 0xfffffL) << 12);
            check(s, Syscalls.MKNODAT, s.component(name), mode, device, "mknodat", name);
        }
    }

    /** Makes a symbolic link to a raw target, which is not looked at. */
    public void symlink(String target, String name) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long targetAddress = s.rawPath(target);
            Syscalls.check(
                    Syscalls.call(s, Syscalls.SYMLINKAT, targetAddress, fd.value(), s.component(name), 0),
                    "symlinkat",
                    subject(name));
        }
    }

    /** Makes a hard link in a directory to the file {@code name} of this one, to a symbolic link itself too. */
    public void link(String name, Directory to, String newName) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long from = s.component(name);
            Syscalls.check(
                    Syscalls.call(s, Syscalls.LINKAT, fd.value(), from, to.fd.value(), s.component(newName), 0, 0),
                    "linkat",
                    to.subject(newName));
        }
    }

    /** Removes a file that is not a directory. */
    public void unlink(String name) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            check(s, Syscalls.UNLINKAT, s.component(name), 0, 0, "unlinkat", name);
        }
    }

    /** Removes an empty directory. */
    public void rmdir(String name) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            check(s, Syscalls.UNLINKAT, s.component(name), Syscalls.AT_REMOVEDIR, 0, "rmdir", name);
        }
    }

    /** Moves a file into a directory of the same mount, in place of what is there. */
    public void rename(String name, Directory to, String newName) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long from = s.component(name);
            Syscalls.check(
                    Syscalls.call(s, Syscalls.RENAMEAT2, fd.value(), from, to.fd.value(), s.component(newName), 0, 0),
                    "renameat2",
                    to.subject(newName));
        }
    }

    /** Sets the owner, of a symbolic link itself too. It clears setuid, setgid and security.capability, so it comes before them. */
    public void chown(String name, int uid, int gid) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            Syscalls.check(
                    Syscalls.call(
                            s,
                            Syscalls.FCHOWNAT,
                            fd.value(),
                            s.component(name),
                            uid,
                            gid,
                            Syscalls.AT_SYMLINK_NOFOLLOW,
                            0),
                    "fchownat",
                    subject(name));
        }
    }

    /** Sets the permission bits; a symbolic link is EOPNOTSUPP. */
    public void chmod(String name, int mode) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            // fchmodat2 is of Linux 6.6; fchmodat has no flags argument.
            long result = Syscalls.call(
                    s, Syscalls.FCHMODAT2, fd.value(), s.component(name), mode & 07777, Syscalls.AT_SYMLINK_NOFOLLOW);
            if (result == -Errno.ENOSYS) {
                try (Fd file = openConfined(name, OpenFlags.PATH | OpenFlags.NOFOLLOW, 0, CONFINED)) {
                    result = Syscalls.call(
                            s,
                            Syscalls.FCHMODAT,
                            Syscalls.AT_FDCWD,
                            s.text(file.path().toString()),
                            mode & 07777,
                            0);
                }
            }
            Syscalls.check(result, "fchmodat2", subject(name));
        }
    }

    /** Sets access and modification time, of a symbolic link itself too; nanoseconds from 0 to 999 999 999. */
    public void setTimes(String name, long atimeSeconds, int atimeNanos, long mtimeSeconds, int mtimeNanos)
            throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long times = Fd.timespecs(s, atimeSeconds, atimeNanos, mtimeSeconds, mtimeNanos);
            check(s, Syscalls.UTIMENSAT, s.component(name), times, Syscalls.AT_SYMLINK_NOFOLLOW, "utimensat", name);
        }
    }

    /** Sets an extended attribute, of a symbolic link itself too. */
    public void setXattr(String name, String attribute, byte[] value) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long path = procPath(s, name);
            long attributeAddress = s.text(attribute);
            int at = s.reserve(value.length);
            s.putBytes(at, value, 0, value.length);
            Syscalls.check(
                    Syscalls.call(s, Syscalls.LSETXATTR, path, attributeAddress, s.address(at), value.length, 0, 0),
                    "lsetxattr",
                    subject(name) + " " + attribute);
        }
    }

    /** An extended attribute, of a symbolic link itself too; empty if it is not there. */
    public Optional<byte[]> getXattr(String name, String attribute) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long path = procPath(s, name);
            long attributeAddress = s.text(attribute);
            int at = s.reserve(XATTR_MAX);
            long got = Syscalls.call(s, Syscalls.LGETXATTR, path, attributeAddress, s.address(at), XATTR_MAX);
            if (got == -Errno.ENODATA) {
                return Optional.empty();
            }
            byte[] value = new byte[(int) Syscalls.check(got, "lgetxattr", subject(name) + " " + attribute)];
            s.getBytes(at, value, 0, value.length);
            return Optional.of(value);
        }
    }

    /** The names of the extended attributes. */
    public List<String> listXattrs(String name) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long path = procPath(s, name);
            int at = s.reserve(XATTR_MAX);
            int got = (int) Syscalls.check(
                    Syscalls.call(s, Syscalls.LLISTXATTR, path, s.address(at), XATTR_MAX, 0),
                    "llistxattr",
                    subject(name));
            List<String> names = new ArrayList<>();
            for (int from = at; from < at + got; ) {
                String attribute = s.rawAt(from, at + got);
                names.add(text(attribute));
                from += attribute.length() + 1;
            }
            return names;
        }
    }

    /** What is known about a file, a symbolic link itself. */
    public FileStat stat(String name) throws LinuxException {
        return statIfExists(name).orElseThrow(() -> new LinuxException("statx", subject(name), Errno.ENOENT));
    }

    /** As {@link #stat}, empty if there is no such file. */
    public Optional<FileStat> statIfExists(String name) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            int[] at = new int[1];
            long result = FileStat.call(s, fd.value(), s.component(name), Syscalls.AT_SYMLINK_NOFOLLOW, at);
            if (result == -Errno.ENOENT) {
                return Optional.empty();
            }
            Syscalls.check(result, "statx", subject(name));
            return Optional.of(FileStat.read(s, at[0]));
        }
    }

    /** The raw target of a symbolic link; EINVAL for another file. */
    public String readlink(String name) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long path = s.component(name);
            int at = s.reserve(PATH_MAX);
            int got = (int) Syscalls.check(
                    Syscalls.call(s, Syscalls.READLINKAT, fd.value(), path, s.address(at), PATH_MAX),
                    "readlinkat",
                    subject(name));
            return s.rawBetween(at, at + got);
        }
    }

    /** The entries without "." and "..", in the file system's order. */
    public synchronized List<Entry> list() throws LinuxException {
        List<Entry> entries = new ArrayList<>();
        fd.seek(0);
        try (Scratch s = Scratch.take()) {
            int at = s.reserve(32 * 1024);
            int got;
            while ((got = (int) Syscalls.check(
                            Syscalls.call(s, Syscalls.GETDENTS64, fd.value(), s.address(at), 32 * 1024, 0),
                            "getdents64",
                            fd.label()))
                    > 0) {
                // struct linux_dirent64: u64 ino, s64 offset, u16 length, u8 type, name.
                for (int record = at; record < at + got; record += s.getShort(record + 16) & 0xffff) {
                    String name = s.rawAt(record + 19, at + got);
                    if (!name.equals(".") && !name.equals("..")) {
                        entries.add(new Entry(name, s.getByte(record + 18), s.getLong(record)));
                    }
                }
            }
        }
        return entries;
    }

    /**
     * Has ext4 (FS_TOPDIR_FL, {@code chattr +T}) place what is made in each subdirectory apart from the others, in a part of the disk that is
     * little used. ext4 does not give an inode again within some seconds of its deletion, and looks at each of them on the way to a free one: after
     * a big tree was deleted, making a file beside it costs up to half a millisecond. Other file systems have no such flag, and nothing is done.
     */
    public void spreadSubdirectories() {
        try (Scratch s = Scratch.take()) {
            int flags = s.zeroed(8);
            if (Syscalls.call(s, Syscalls.IOCTL, fd.value(), FS_IOC_GETFLAGS, s.address(flags), 0) == 0) {
                s.putInt(flags, s.getInt(flags) | FS_TOPDIR_FL);
                Syscalls.call(s, Syscalls.IOCTL, fd.value(), FS_IOC_SETFLAGS, s.address(flags), 0);
            }
        }
    }

    /** Removes a file or a directory with all below it; see {@link Trees#delete}. Nothing there is no error. */
    public void deleteTree(String name) throws LinuxException {
        Trees.delete(this, name);
    }

    /** The disk usage of this directory and all below it; see {@link Trees#usage}. */
    public DiskUsage usage() throws LinuxException {
        return Trees.usage(this);
    }

    @Override
    public void close() {
        fd.close();
    }

    @Override
    public String toString() {
        return "directory " + fd.label();
    }

    String subject(String name) {
        return fd.label() + "/" + text(name);
    }

    /** The extended attribute calls take no directory descriptor before Linux 6.13; a magic link in the middle of the path does the same. */
    private long procPath(Scratch s, String name) {
        if (name.isEmpty() || name.equals(".") || name.equals("..") || name.indexOf('/') >= 0) {
            throw new IllegalArgumentException("'" + name + "' is not the name of a file");
        }
        return s.rawPath("/proc/self/fd/" + fd.value() + "/" + name);
    }

    private Fd openConfined(String path, int flags, int mode, int resolve) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            return Fd.openat2(s, fd.value(), s.rawPath(path), flags, mode, resolve, subject(path));
        }
    }

    private void check(Scratch s, int number, long path, long a, long b, String call, String name)
            throws LinuxException {
        Syscalls.check(Syscalls.call(s, number, fd.value(), path, a, b), call, subject(name));
    }
}
