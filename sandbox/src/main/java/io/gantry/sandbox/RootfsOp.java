package io.gantry.sandbox;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A step in making a container's file systems. Inner paths are resolved by the kernel below the container's root, links that leave it included; host paths are
 * trusted.
 */
public sealed interface RootfsOp {
    /**
     * The root file system, in the container's own mount namespace only.
     *
     * @param lowersTopFirst the image's layers
     * @param upper where the container writes; null for a read-only root
     * @param work an empty folder of the same file system as upper; null with it
     * @param root an empty host folder
     * @param volatileUpper the upper folder need not survive a crash of the machine, so nothing is synced
     * @param userXattr overlay's attributes are user.overlay.*: for a user namespace
     */
    record Overlay(
            List<Path> lowersTopFirst,
            @Nullable Path upper,
            @Nullable Path work,
            Path root,
            boolean volatileUpper,
            boolean userXattr)
            implements RootfsOp {}

    /** Makes a folder, if missing, with its parents (0755). */
    record MakeDir(String innerPath, int mode) implements RootfsOp {}

    /**
     * Mounts a new file system; the target is made if missing.
     *
     * @param type proc, sysfs, tmpfs, devpts, mqueue, cgroup, cgroup2
     * @param flags such as {@code ro}, {@code nosuid}, {@code nodev}, {@code noexec}
     * @param data such as {@code size=65536k,mode=755}; may be empty
     */
    record MountFs(String type, String source, String innerPath, List<String> flags, String data) implements RootfsOp {}

    /** Binds a host file or folder. */
    record Bind(Path hostPath, String innerPath, List<BindFlag> flags) implements RootfsOp {}

    /**
     * Binds what is in an image, read-only.
     *
     * @param layersTopFirst the image's layers
     * @param subPath a folder or file of the image, resolved by the kernel below its root; empty for all
     * @param flags without {@link BindFlag#RECURSIVE}: there are no mounts below
     */
    record ImageMount(List<Path> layersTopFirst, String innerPath, String subPath, List<BindFlag> flags)
            implements RootfsOp {}

    /** Fills a new, empty host folder with what the image has at the inner path, and binds it over that. */
    record Volume(Path hostPath, String innerPath) implements RootfsOp {}

    /**
     * A device node.
     *
     * @param type {@code c}, {@code b} or {@code p}
     * @param mode permission bits
     * @param uid of the container; -1 leaves it to the host's root, who is nobody in a user namespace
     * @param gid the same
     */
    record Device(String innerPath, char type, int major, int minor, int mode, int uid, int gid) implements RootfsOp {
        /** The same with another owner. */
        public Device ownedBy(int otherUid, int otherGid) {
            return new Device(innerPath, type, major, minor, mode, otherUid, otherGid);
        }
    }

    /** A symbolic link, if missing. */
    record Symlink(String target, String innerPath) implements RootfsOp {}

    /** Binds the terminal's other end, to /dev/console usually. */
    record Console(String innerPath) implements RootfsOp {}

    /** Hides a file behind /dev/null, a folder behind an empty read-only one; a missing path is passed over. */
    record Mask(String innerPath) implements RootfsOp {}

    /** Makes a path read-only; a missing one is passed over. */
    record ReadOnlyPath(String innerPath) implements RootfsOp {}

    /** Makes the root read-only, after everything else. */
    record ReadOnlyRoot() implements RootfsOp {}

    /** Writes below /proc/sys, from inside the container's namespaces; the name has slashes. */
    record Sysctl(String name, String value) implements RootfsOp {}

    /** How a bind is made. */
    enum BindFlag {
        READ_ONLY("ro"),
        /** All mounts below too (mount_setattr, Linux 5.12). */
        RECURSIVE_READ_ONLY("rro"),
        RECURSIVE("rec"),
        NO_SUID("nosuid"),
        NO_DEV("nodev"),
        NO_EXEC("noexec"),
        PRIVATE("private"),
        SLAVE("slave"),
        SHARED("shared"),
        /** The mount itself, not those below it, shows ids by the pod's user namespace. */
        ID_MAPPED("idmap"),
        /** A missing target becomes a file. */
        MAKE_FILE("mkfile"),
        /** A missing target becomes a folder. */
        MAKE_DIR("mkdir");

        private final String word;

        BindFlag(String word) {
            this.word = word;
        }
    }

    /** The records of an operation, in the words of sandbox/PROTOCOL.md. */
    private static void encode(RootfsOp operation, Records records) {
        switch (operation) {
            case Overlay op -> {
                op.lowersTopFirst().forEach(lower -> records.add("lower", lower));
                List<String> flags = new ArrayList<>();
                if (op.volatileUpper()) {
                    flags.add("volatile");
                }
                if (op.userXattr()) {
                    flags.add("userxattr");
                }
                if (op.upper() == null || op.work() == null) {
                    flags.add("ro");
                }
                records.add(
                        "overlay",
                        op.upper() == null ? "-" : op.upper(),
                        op.work() == null ? "-" : op.work(),
                        Records.flags(flags),
                        op.root());
            }
            case MakeDir op -> records.add("mkdir", op.innerPath(), Records.octal(op.mode()));
            case MountFs op ->
                records.add("mount", op.type(), op.source(), op.innerPath(), Records.flags(op.flags()), op.data());
            case Bind op -> records.add("bind", op.hostPath(), op.innerPath(), words(op.flags()));
            case ImageMount op -> {
                op.layersTopFirst().forEach(layer -> records.add("layer", layer));
                records.add("image", op.innerPath(), op.subPath(), words(op.flags()));
            }
            case Volume op -> records.add("volume", op.hostPath(), op.innerPath());
            case Device op ->
                records.add(
                        "device",
                        op.innerPath(),
                        op.type(),
                        op.major(),
                        op.minor(),
                        Records.octal(op.mode()),
                        Integer.toUnsignedString(op.uid()),
                        Integer.toUnsignedString(op.gid()));
            case Symlink op -> records.add("symlink", op.target(), op.innerPath());
            case Console op -> records.add("console", op.innerPath());
            case Mask op -> records.add("mask", op.innerPath());
            case ReadOnlyPath op -> records.add("readonly", op.innerPath());
            case ReadOnlyRoot op -> records.add("rootro");
            case Sysctl op -> records.add("sysctl", op.name(), op.value());
        }
    }

    private static String words(List<BindFlag> flags) {
        return Records.flags(flags.stream().map(flag -> flag.word).toList());
    }

    /** The records of operations, fields ended by NUL. */
    static byte[] encode(List<RootfsOp> operations) {
        Records records = new Records();
        operations.forEach(operation -> encode(operation, records));
        return records.toBytes();
    }
}
