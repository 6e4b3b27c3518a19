package io.gantry.linux;

/** Flags of open(2). Some differ between architectures, so take them from here. */
public final class OpenFlags {
    private static final boolean ARM = Syscalls.AARCH64;

    public static final int RDONLY = 0;
    public static final int WRONLY = 1;
    public static final int RDWR = 2;
    public static final int CREAT = 0x40;
    public static final int EXCL = 0x80;
    public static final int NOCTTY = 0x100;
    public static final int TRUNC = 0x200;
    public static final int APPEND = 0x400;
    public static final int NONBLOCK = 0x800;
    public static final int DIRECTORY = ARM ? 0x4000 : 0x10000;
    public static final int NOFOLLOW = ARM ? 0x8000 : 0x20000;
    public static final int NOATIME = 0x40000;
    public static final int CLOEXEC = 0x80000;
    public static final int PATH = 0x200000;

    private OpenFlags() {}
}
