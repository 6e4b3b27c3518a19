package io.gantry.linux;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** syscall(2) through one method handle, with errno captured: one handle keeps the start-up cost of FFM small. */
final class Syscalls {
    static final boolean AARCH64 = "aarch64".equals(System.getProperty("os.arch"));

    static final int AT_FDCWD = -100;
    static final int AT_SYMLINK_NOFOLLOW = 0x100;
    static final int AT_REMOVEDIR = 0x200;
    static final int AT_EMPTY_PATH = 0x1000;
    static final int AT_RECURSIVE = 0x8000;

    static final int READ = number(0, 63);
    static final int WRITE = number(1, 64);
    static final int CLOSE = number(3, 57);
    static final int LSEEK = number(8, 62);
    static final int IOCTL = number(16, 29);
    static final int MOUNT = number(165, 40);
    static final int UMOUNT2 = number(166, 39);
    static final int FSYNC = number(74, 82);
    static final int FTRUNCATE = number(77, 46);
    static final int FCHDIR = number(81, 50);
    static final int FCHMOD = number(91, 52);
    static final int FCHOWN = number(93, 55);
    static final int STATFS = number(137, 43);
    static final int LSETXATTR = number(189, 6);
    static final int FSETXATTR = number(190, 7);
    static final int LGETXATTR = number(192, 9);
    static final int FGETXATTR = number(193, 10);
    static final int LLISTXATTR = number(195, 12);
    static final int FLISTXATTR = number(196, 13);
    static final int GETDENTS64 = number(217, 61);
    static final int MKDIRAT = number(258, 34);
    static final int MKNODAT = number(259, 33);
    static final int FCHOWNAT = number(260, 54);
    static final int UNLINKAT = number(263, 35);
    static final int LINKAT = number(265, 37);
    static final int SYMLINKAT = number(266, 36);
    static final int READLINKAT = number(267, 78);
    static final int FCHMODAT = number(268, 53);
    static final int PPOLL = number(271, 73);
    static final int UNSHARE = number(272, 97);
    static final int UTIMENSAT = number(280, 88);
    static final int PIPE2 = number(293, 59);
    static final int SYNCFS = number(306, 267);
    static final int SETNS = number(308, 268);
    static final int RENAMEAT2 = number(316, 276);
    static final int STATX = number(332, 291);
    static final int WAIT4 = number(61, 260);
    static final int PIDFD_SEND_SIGNAL = 424;
    static final int OPEN_TREE = 428;
    static final int MOVE_MOUNT = 429;
    static final int FSOPEN = 430;
    static final int FSCONFIG = 431;
    static final int FSMOUNT = 432;
    static final int PIDFD_OPEN = 434;
    static final int CLONE3 = 435;
    static final int OPENAT2 = 437;
    static final int MOUNT_SETATTR = 442;
    static final int FCHMODAT2 = 452;

    private static final MethodHandle SYSCALL;

    static {
        Linker linker = Linker.nativeLinker();
        ValueLayout.OfLong word = ValueLayout.JAVA_LONG;
        SYSCALL = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("syscall"),
                FunctionDescriptor.of(word, word, word, word, word, word, word, word),
                Linker.Option.captureCallState("errno"),
                Linker.Option.firstVariadicArg(1));
    }

    private Syscalls() {}

    private static int number(int x86, int arm) {
        return AARCH64 ? arm : x86;
    }

    /** Calls once. Gives the result, or the negative error number. */
    static long once(Scratch scratch, int number, long a, long b, long c, long d, long e, long f) {
        long result;
        try {
            MemorySegment state = scratch.errno;
            result = (long) SYSCALL.invokeExact(state, (long) number, a, b, c, d, e, f);
            if (result == -1) {
                return -state.get(ValueLayout.JAVA_INT, 0);
            }
        } catch (Throwable failure) {
            throw new IllegalStateException("system call " + number + " could not be made", failure);
        }
        return result;
    }

    /** Calls until it is not interrupted by a signal. Gives the result, or the negative error number. */
    static long call(Scratch scratch, int number, long a, long b, long c, long d, long e, long f) {
        long result;
        do {
            result = once(scratch, number, a, b, c, d, e, f);
        } while (result == -Errno.EINTR);
        return result;
    }

    static long call(Scratch scratch, int number, long a, long b, long c, long d) {
        return call(scratch, number, a, b, c, d, 0, 0);
    }

    static long call(Scratch scratch, int number, long a, long b) {
        return call(scratch, number, a, b, 0, 0, 0, 0);
    }

    /** The result, or its exception. */
    static long check(long result, String call, String subject) throws LinuxException {
        if (result < 0) {
            throw new LinuxException(call, subject, (int) -result);
        }
        return result;
    }
}
