package io.gantry.linux;

import java.nio.file.Path;

/**
 * What statfs(2) tells about a file system.
 *
 * @param type its magic number
 * @param bytes its size
 * @param freeBytes not in use
 * @param availableBytes not in use, for a user other than root
 * @param inodes how many it has, 0 where it does not tell
 * @param freeInodes not in use
 */
public record FileSystemStat(long type, long bytes, long freeBytes, long availableBytes, long inodes, long freeInodes) {
    public static final long OVERLAYFS = 0x794c7630L;
    public static final long TMPFS = 0x01021994L;
    public static final long CGROUP2 = 0x63677270L;
    public static final long NSFS = 0x6e736673L;
    public static final long NFS = 0x6969L;

    /** Of the file system that holds a path, which is trusted. */
    public static FileSystemStat of(Path path) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            int at = s.zeroed(120);
            Syscalls.check(
                    Syscalls.call(s, Syscalls.STATFS, s.text(path.toString()), s.address(at)),
                    "statfs",
                    path.toString());
            long block = s.getLong(at + 8);
            return new FileSystemStat(
                    s.getLong(at),
                    s.getLong(at + 16) * block,
                    s.getLong(at + 24) * block,
                    s.getLong(at + 32) * block,
                    s.getLong(at + 40),
                    s.getLong(at + 48));
        }
    }
}
