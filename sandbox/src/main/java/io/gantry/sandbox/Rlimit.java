package io.gantry.sandbox;

import java.util.List;
import java.util.Locale;

/**
 * A resource limit.
 *
 * @param number RLIMIT_* of asm-generic/resource.h
 * @param soft -1 is infinity
 * @param hard -1 is infinity
 * @param bestEffort passed over where the kernel refuses it (EPERM without CAP_SYS_RESOURCE)
 */
public record Rlimit(int number, long soft, long hard, boolean bestEffort) {
    private static final List<String> NAMES = List.of(
            "CPU",
            "FSIZE",
            "DATA",
            "STACK",
            "CORE",
            "RSS",
            "NPROC",
            "NOFILE",
            "MEMLOCK",
            "AS",
            "LOCKS",
            "SIGPENDING",
            "MSGQUEUE",
            "NICE",
            "RTPRIO",
            "RTTIME");

    /**
     * By its name.
     *
     * @param name such as {@code RLIMIT_NOFILE} or {@code nofile}
     */
    public static Rlimit of(String name, long soft, long hard) throws SandboxException {
        String upper = name.toUpperCase(Locale.ROOT);
        int number = NAMES.indexOf(upper.startsWith("RLIMIT_") ? upper.substring(7) : upper);
        if (number < 0) {
            throw new SandboxException(SandboxException.Kind.INVALID, "'" + name + "' is not a resource limit");
        }
        return new Rlimit(number, soft, hard, false);
    }

    /** The same, but passed over where it is refused. */
    public Rlimit asBestEffort() {
        return new Rlimit(number, soft, hard, true);
    }

    void write(Records records) {
        records.add(bestEffort ? "rlimit-try" : "rlimit", number, word(soft), word(hard));
    }

    private static String word(long limit) {
        return limit == -1 ? "max" : Long.toUnsignedString(limit);
    }
}
