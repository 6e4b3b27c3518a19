package io.gantry.linux;

import java.nio.file.Path;

/** What this kernel can do, found out by trying it, never by its version. Each takes microseconds and leaves nothing behind. */
public final class KernelProbes {
    private static final long CLONE_INTO_CGROUP = 0x200000000L;
    private static final int CLONE_ARGS_BYTES = 88;
    private static final int SIGCHLD = 17;

    private KernelProbes() {}

    /** openat2 (Linux 5.6); without it gantry cannot run. */
    public static boolean openat2() {
        try (Fd fd = Fd.open(Path.of("/"), OpenFlags.PATH | OpenFlags.DIRECTORY, 0)) {
            return fd.value() >= 0;
        } catch (LinuxException e) {
            return false;
        }
    }

    /** clone3 with CLONE_INTO_CGROUP (Linux 5.7). The call is given something that is no cgroup, so no process is made. */
    public static boolean cloneIntoCgroup() throws LinuxException {
        try (Fd nothing = Fd.open(Path.of("/dev/null"), OpenFlags.RDONLY, 0);
                Scratch s = Scratch.take()) {
            int at = s.zeroed(CLONE_ARGS_BYTES);
            s.putLong(at, CLONE_INTO_CGROUP);
            s.putLong(at + 32, SIGCHLD);
            s.putLong(at + 80, nothing.value());
            return Syscalls.call(s, Syscalls.CLONE3, s.address(at), CLONE_ARGS_BYTES) == -Errno.EBADF;
        }
    }

    /** mount_setattr (Linux 5.12), for read-only binds without a race. */
    public static boolean mountSetattr() {
        try (Scratch s = Scratch.take()) {
            int at = s.zeroed(32);
            // An empty request succeeds before the descriptor is looked at.
            s.putLong(at, 1);
            return Syscalls.call(
                            s, Syscalls.MOUNT_SETATTR, -1, s.text(""), Syscalls.AT_EMPTY_PATH, s.address(at), 32, 0)
                    == -Errno.EBADF;
        }
    }

    /** An overlay file system at all; EPERM without CAP_SYS_ADMIN, ENODEV if the kernel lacks it. */
    public static boolean overlay() {
        try (Fd context = Mounts.fsopen("overlay")) {
            return context.value() >= 0;
        } catch (LinuxException e) {
            return false;
        }
    }

    /** overlayfs takes its lower folders one by one (Linux 6.8): no limit on the length of all their paths. */
    public static boolean overlayLowerdirOneByOne() {
        try {
            return Mounts.takesLowerdirOneByOne();
        } catch (LinuxException e) {
            return false;
        }
    }

    /** fchmodat2 (Linux 6.6). */
    public static boolean fchmodat2() {
        try (Scratch s = Scratch.take()) {
            return Syscalls.call(s, Syscalls.FCHMODAT2, -1, s.text("x"), 0, 0) == -Errno.EBADF;
        }
    }
}
