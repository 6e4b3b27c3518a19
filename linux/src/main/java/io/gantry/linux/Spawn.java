package io.gantry.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

/**
 * Runs a short-lived program by posix_spawn(3): nothing is inherited but descriptors 0 to 2, and the JVM's memory is not copied (a fork of a JVM hangs now and then).
 * Wants glibc 2.34 for the closing of all other descriptors.
 */
public final class Spawn {
    private static final int STDERR_LIMIT = 64 * 1024;
    private static final int SIGKILL = 9;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfLong ADDRESS = ValueLayout.JAVA_LONG;
    private static final SymbolLookup LIBC = Linker.nativeLinker().defaultLookup();
    private static final MethodHandle SPAWN =
            handle("posix_spawn", ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
    private static final MethodHandle INIT = handle("posix_spawn_file_actions_init", ADDRESS);
    private static final MethodHandle DESTROY = handle("posix_spawn_file_actions_destroy", ADDRESS);
    private static final MethodHandle DUP2 = handle("posix_spawn_file_actions_adddup2", ADDRESS, INT, INT);
    private static final MethodHandle CLOSE_FROM = handle("posix_spawn_file_actions_addclosefrom_np", ADDRESS, INT);

    private static final MethodHandle ATTR_INIT = handle("posix_spawnattr_init", ADDRESS);
    private static final MethodHandle ATTR_DESTROY = handle("posix_spawnattr_destroy", ADDRESS);
    private static final MethodHandle ATTR_FLAGS = handle("posix_spawnattr_setflags", ADDRESS, ValueLayout.JAVA_SHORT);
    private static final MethodHandle ATTR_DEFAULTS = handle("posix_spawnattr_setsigdefault", ADDRESS, ADDRESS);
    private static final MethodHandle ATTR_MASK = handle("posix_spawnattr_setsigmask", ADDRESS, ADDRESS);
    private static final short SETSIGDEF_AND_SETSIGMASK = 0x04 | 0x08;
    private static final int SIGSET_BYTES = 128;

    private Spawn() {}

    /**
     * How a program ended.
     *
     * @param code its exit code, or 128 + the signal that killed it
     * @param stderr the first 64 KiB of what it wrote there
     * @param timedOut it was killed since it had not ended in time
     */
    public record Result(int code, String stderr, boolean timedOut) {}

    /**
     * Runs a program and waits for it, and for its stderr to be closed by all who hold it. stdin and stdout are /dev/null, the working folder is this process's, the
     * environment is only what is given. All signals have their default effect and none is blocked.
     *
     * @param arguments the first is the path of the program
     * @throws LinuxException if it cannot be started at all
     */
    public static Result run(List<String> arguments, List<String> environment, Duration timeout) throws LinuxException {
        return run(arguments.getFirst(), arguments, environment, timeout);
    }

    /** The same for a program whose first argument, its own name, is not its path. */
    public static Result run(String program, List<String> arguments, List<String> environment, Duration timeout)
            throws LinuxException {
        return OwnThread.call("spawn", () -> runHere(program, arguments, environment, timeout));
    }

    private static Result runHere(String program, List<String> arguments, List<String> environment, Duration timeout)
            throws LinuxException {
        long deadline = System.nanoTime() + timeout.toNanos();
        Fd[] pipe = pipe();
        int pid;
        try (Fd writeEnd = pipe[1];
                Fd nothing = Fd.open("/dev/null", OpenFlags.RDWR, 0)) {
            pid = spawn(program, arguments, environment, nothing.value(), writeEnd.value());
        } catch (LinuxException e) {
            pipe[0].close();
            throw e;
        }
        // Not reaped before wait4 below, so the number is safe until then.
        try (Fd stderr = pipe[0];
                Pidfd process = Pidfd.open(pid)) {
            byte[] text = new byte[STDERR_LIMIT];
            int length = 0;
            boolean open = true;
            boolean timedOut = false;
            while (open) {
                Duration left = Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
                if (!Poll.readable(stderr, left)) {
                    timedOut = true;
                    break;
                }
                int got = length < text.length
                        ? stderr.read(text, length, text.length - length)
                        : stderr.read(new byte[4096], 0, 4096);
                open = got >= 0;
                length = Math.min(text.length, length + Math.max(0, got));
            }
            if (!timedOut) {
                timedOut = !Poll.readable(process.fd(), Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
            }
            if (timedOut) {
                process.sendSignal(SIGKILL);
            }
            return new Result(reap(pid), new String(text, 0, length, StandardCharsets.UTF_8), timedOut);
        }
    }

    private static int spawn(String program, List<String> arguments, List<String> environment, int nothing, int stderr)
            throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            // glibc's posix_spawn_file_actions_t has 80 bytes on both architectures.
            MemorySegment actions = arena.allocate(128, 16);
            // posix_spawnattr_t has 336.
            long attributes = arena.allocate(512, 16).address();
            MemorySegment pid = arena.allocate(4, 4);
            long at = actions.address();
            check((int) INIT.invokeExact(at), "posix_spawn_file_actions_init");
            try {
                check((int) DUP2.invokeExact(at, nothing, 0), "posix_spawn_file_actions_adddup2");
                check((int) DUP2.invokeExact(at, nothing, 1), "posix_spawn_file_actions_adddup2");
                check((int) DUP2.invokeExact(at, stderr, 2), "posix_spawn_file_actions_adddup2");
                check((int) CLOSE_FROM.invokeExact(at, 3), "posix_spawn_file_actions_addclosefrom_np");
                check((int) ATTR_INIT.invokeExact(attributes), "posix_spawnattr_init");
                setSignals(arena, attributes);
                MemorySegment path = arena.allocateFrom(program);
                int error = (int) SPAWN.invokeExact(
                        pid.address(),
                        path.address(),
                        at,
                        attributes,
                        strings(arena, arguments),
                        strings(arena, environment));
                if (error != 0) {
                    throw new LinuxException("posix_spawn", program, error);
                }
            } finally {
                check((int) DESTROY.invokeExact(at), "posix_spawn_file_actions_destroy");
                check((int) ATTR_DESTROY.invokeExact(attributes), "posix_spawnattr_destroy");
            }
            return pid.get(INT, 0);
        } catch (LinuxException | RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("posix_spawn could not be called", e);
        }
    }

    /** The JVM blocks SIGQUIT in some threads, and systemd starts services with SIGPIPE ignored: both would be inherited. */
    private static void setSignals(Arena arena, long attributes) throws Throwable {
        long none = arena.allocate(SIGSET_BYTES, 8).address();
        long all = arena.allocate(SIGSET_BYTES, 8).fill((byte) 0xff).address();
        check((int) ATTR_DEFAULTS.invokeExact(attributes, all), "posix_spawnattr_setsigdefault");
        check((int) ATTR_MASK.invokeExact(attributes, none), "posix_spawnattr_setsigmask");
        check((int) ATTR_FLAGS.invokeExact(attributes, SETSIGDEF_AND_SETSIGMASK), "posix_spawnattr_setflags");
    }

    private static long strings(Arena arena, List<String> strings) {
        MemorySegment array = arena.allocate(ADDRESS, strings.size() + 1L);
        for (int i = 0; i < strings.size(); i++) {
            array.setAtIndex(ADDRESS, i, arena.allocateFrom(strings.get(i)).address());
        }
        return array.address();
    }

    private static int reap(int pid) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            int at = s.zeroed(8);
            Syscalls.check(Syscalls.call(s, Syscalls.WAIT4, pid, s.address(at), 0, 0), "wait4", "process " + pid);
            int status = s.getInt(at);
            int signal = status & 0x7f;
            return signal == 0 ? (status >> 8) & 0xff : 128 + signal;
        }
    }

    private static Fd[] pipe() throws LinuxException {
        try (Scratch s = Scratch.take()) {
            int at = s.zeroed(8);
            Syscalls.check(Syscalls.call(s, Syscalls.PIPE2, s.address(at), OpenFlags.CLOEXEC), "pipe2", "");
            return new Fd[] {Fd.adopt(s.getInt(at), "a pipe"), Fd.adopt(s.getInt(at + 4), "a pipe")};
        }
    }

    private static void check(int error, String call) throws LinuxException {
        if (error != 0) {
            throw new LinuxException(call, "", error);
        }
    }

    private static MethodHandle handle(String name, ValueLayout... arguments) {
        return Linker.nativeLinker().downcallHandle(LIBC.findOrThrow(name), FunctionDescriptor.of(INT, arguments));
    }
}
