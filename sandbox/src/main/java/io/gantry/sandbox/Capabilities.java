package io.gantry.sandbox;

import io.gantry.linux.LinuxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Capabilities by name, and the sets that a container gets. */
public final class Capabilities {
    /** In the order of their numbers, include/uapi/linux/capability.h up to Linux 6.18. */
    private static final List<String> NAMES = List.of(
            "CHOWN",
            "DAC_OVERRIDE",
            "DAC_READ_SEARCH",
            "FOWNER",
            "FSETID",
            "KILL",
            "SETGID",
            "SETUID",
            "SETPCAP",
            "LINUX_IMMUTABLE",
            "NET_BIND_SERVICE",
            "NET_BROADCAST",
            "NET_ADMIN",
            "NET_RAW",
            "IPC_LOCK",
            "IPC_OWNER",
            "SYS_MODULE",
            "SYS_RAWIO",
            "SYS_CHROOT",
            "SYS_PTRACE",
            "SYS_PACCT",
            "SYS_ADMIN",
            "SYS_BOOT",
            "SYS_NICE",
            "SYS_RESOURCE",
            "SYS_TIME",
            "SYS_TTY_CONFIG",
            "MKNOD",
            "LEASE",
            "AUDIT_WRITE",
            "AUDIT_CONTROL",
            "SETFCAP",
            "MAC_OVERRIDE",
            "MAC_ADMIN",
            "SYSLOG",
            "WAKE_ALARM",
            "BLOCK_SUSPEND",
            "AUDIT_READ",
            "PERFMON",
            "BPF",
            "CHECKPOINT_RESTORE");

    /** What Docker and containerd give a container that asks for nothing. */
    private static final List<String> DEFAULT = List.of(
            "CHOWN",
            "DAC_OVERRIDE",
            "FSETID",
            "FOWNER",
            "MKNOD",
            "NET_RAW",
            "SETGID",
            "SETUID",
            "SETFCAP",
            "SETPCAP",
            "NET_BIND_SERVICE",
            "SYS_CHROOT",
            "KILL",
            "AUDIT_WRITE");

    private static final long AVAILABLE = readAvailable();

    private Capabilities() {}

    /** The bit of a capability; any case, with or without CAP_. INVALID if there is none of that name. */
    public static long bit(String name) throws SandboxException {
        String upper = name.toUpperCase(Locale.ROOT);
        int number = NAMES.indexOf(upper.startsWith("CAP_") ? upper.substring(4) : upper);
        if (number < 0) {
            throw new SandboxException(SandboxException.Kind.INVALID, "there is no capability '" + name + "'");
        }
        return 1L << number;
    }

    /** The names of a set, with CAP_, in the order of their numbers. */
    public static List<String> names(long bits) {
        List<String> names = new ArrayList<>();
        for (int number = 0; number < NAMES.size(); number++) {
            if ((bits & 1L << number) != 0) {
                names.add("CAP_" + NAMES.get(number));
            }
        }
        return names;
    }

    /** Whatever this process has itself, and so can give: all that the kernel knows, but for a confined daemon. */
    public static long available() {
        return AVAILABLE;
    }

    /** The default set, limited to what is available. */
    public static long defaults() {
        return bits(DEFAULT) & AVAILABLE;
    }

    /**
     * The sets of a container that is not privileged, as the CRI defines them: ALL stands for all, and single names then still count; what is dropped by name is gone
     * though it was added. A capability that this process does not have is left out, since it could not be given.
     *
     * @param addAmbient into every set, so that a user other than root keeps them
     */
    public static CapabilitySets of(List<String> add, List<String> drop, List<String> addAmbient)
            throws SandboxException {
        long bits = defaults();
        if (hasAll(add)) {
            bits = AVAILABLE;
        }
        if (hasAll(drop)) {
            bits = 0;
        }
        bits |= named(add);
        long ambient = hasAll(addAmbient) ? AVAILABLE : 0;
        ambient |= named(addAmbient);
        long dropped = named(drop);
        bits = (bits | ambient) & ~dropped & AVAILABLE;
        ambient &= bits;
        return new CapabilitySets(bits, bits, bits, ambient, ambient);
    }

    /** The sets of a privileged container: all that is available. */
    public static CapabilitySets privileged() {
        return new CapabilitySets(AVAILABLE, AVAILABLE, AVAILABLE, 0, 0);
    }

    private static boolean hasAll(List<String> names) {
        return names.stream().anyMatch(name -> name.equalsIgnoreCase("ALL") || name.equalsIgnoreCase("CAP_ALL"));
    }

    private static long named(List<String> names) throws SandboxException {
        long bits = 0;
        for (String name : names) {
            if (!hasAll(List.of(name))) {
                bits |= bit(name);
            }
        }
        return bits;
    }

    private static long bits(List<String> names) {
        return names.stream().mapToLong(name -> 1L << NAMES.indexOf(name)).reduce(0, (a, b) -> a | b);
    }

    private static long readAvailable() {
        try {
            String status = CgroupFiles.read(Path.of("/proc/self/status"));
            long permitted = status(status, "CapPrm:");
            long bounding = status(status, "CapBnd:");
            // The kernel may know more than this list; what has no name here still belongs to "all".
            return permitted & bounding;
        } catch (LinuxException e) {
            throw new IllegalStateException("/proc is not mounted", e);
        }
    }

    private static long status(String text, String key) {
        return text.lines()
                .filter(line -> line.startsWith(key))
                .mapToLong(line ->
                        Long.parseUnsignedLong(line.substring(key.length()).strip(), 16))
                .findFirst()
                .orElseThrow();
    }
}
