package io.gantry.linux;

/**
 * What statx(2) tells about a file, the last component not followed.
 *
 * @param mode type and permission bits
 * @param size bytes
 * @param blocks units of 512 bytes that are allocated
 * @param dev the device that holds the file, as {@code makedev} packs it: {@code major << 32 | minor}
 * @param rdevMajor of a device node
 * @param rdevMinor of a device node
 * @param mtimeSeconds since the epoch
 * @param mtimeNanos 0 to 999 999 999
 */
public record FileStat(
        int mode,
        int uid,
        int gid,
        long size,
        long blocks,
        long dev,
        long ino,
        int nlink,
        int rdevMajor,
        int rdevMinor,
        long mtimeSeconds,
        int mtimeNanos) {
    public static final int TYPE_MASK = 0xf000;
    public static final int FIFO = 0x1000;
    public static final int CHARACTER_DEVICE = 0x2000;
    public static final int DIRECTORY = 0x4000;
    public static final int BLOCK_DEVICE = 0x6000;
    public static final int REGULAR = 0x8000;
    public static final int SYMLINK = 0xa000;
    public static final int SOCKET = 0xc000;

    private static final int BASIC_STATS = 0x7ff;
    private static final int STATX_BYTES = 256;

    /** The type bits, one of the constants here. */
    public int type() {
        return mode & TYPE_MASK;
    }

    /** The permission bits with setuid, setgid and sticky. */
    public int permissions() {
        return mode & 07777;
    }

    public boolean isDirectory() {
        return type() == DIRECTORY;
    }

    public boolean isRegular() {
        return type() == REGULAR;
    }

    public boolean isSymlink() {
        return type() == SYMLINK;
    }

    /** Makes the call; gives 0 or the negative error number, and the offset of the result in the scratch is at[0]. */
    static long call(Scratch scratch, int dirfd, long pathAddress, int flags, int[] at) {
        at[0] = scratch.zeroed(STATX_BYTES);
        return Syscalls.call(
                scratch, Syscalls.STATX, dirfd, pathAddress, flags, BASIC_STATS, scratch.address(at[0]), 0);
    }

    static FileStat read(Scratch s, int at) {
        return new FileStat(
                s.getShort(at + 28) & 0xffff,
                s.getInt(at + 20),
                s.getInt(at + 24),
                s.getLong(at + 40),
                s.getLong(at + 48),
                ((long) s.getInt(at + 136) << 32) | (s.getInt(at + 140) & 0xffffffffL),
                s.getLong(at + 32),
                s.getInt(at + 16),
                s.getInt(at + 128),
                s.getInt(at + 132),
                s.getLong(at + 112),
                s.getInt(at + 120));
    }
}
