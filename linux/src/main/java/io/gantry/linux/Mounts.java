package io.gantry.linux;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Mounts in the mount namespace of this process, and detached ones. */
public final class Mounts {
    private static final int MS_NOSUID = 2;
    private static final int MS_NODEV = 4;
    private static final int MS_NOEXEC = 8;
    private static final int MNT_DETACH = 2;
    private static final int UMOUNT_NOFOLLOW = 8;
    private static final int OPEN_TREE_CLONE = 1;
    private static final int FSCONFIG_SET_FLAG = 0;
    private static final int FSCONFIG_SET_STRING = 1;
    private static final int FSCONFIG_CMD_CREATE = 6;
    private static final int FSMOUNT_CLOEXEC = 1;
    private static final int FSOPEN_CLOEXEC = 1;
    private static final int MOVE_MOUNT_F_EMPTY_PATH = 4;
    private static final int MOUNT_ATTR_RDONLY = 1;
    private static final int MOUNT_ATTR_NOSUID = 2;
    private static final int MOUNT_ATTR_NODEV = 4;
    private static final int MOUNT_ATTR_NOEXEC = 8;
    private static final int CLONE_FS = 0x200;

    private Mounts() {}

    /**
     * Unmounts what is mounted at a path, a symbolic link not followed.
     *
     * @param detach at once out of sight, and really gone when it is no longer used
     */
    public static void umount(Path target, boolean detach) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            int flags = UMOUNT_NOFOLLOW | (detach ? MNT_DETACH : 0);
            Syscalls.check(
                    Syscalls.call(s, Syscalls.UMOUNT2, s.text(target.toString()), flags), "umount2", target.toString());
        }
    }

    /** Mounts a tmpfs, nosuid nodev noexec; size in bytes, the mode of its root as in chmod. */
    public static void tmpfs(Path target, long size, int mode) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long source = s.text("tmpfs");
            long data = s.text("size=" + size + ",mode=" + Integer.toOctalString(mode));
            long result = Syscalls.call(
                    s,
                    Syscalls.MOUNT,
                    source,
                    s.text(target.toString()),
                    source,
                    MS_NOSUID | MS_NODEV | MS_NOEXEC,
                    data,
                    0);
            Syscalls.check(result, "mount", "tmpfs at " + target);
        }
    }

    /** Binds a file or directory (not what is mounted below it) over an existing one; both paths are trusted. */
    public static void bind(Path source, Path target, boolean readOnly) throws LinuxException {
        try (Fd tree = openTree(source);
                Scratch s = Scratch.take()) {
            if (readOnly) {
                setReadOnly(s, tree, MOUNT_ATTR_RDONLY);
            }
            long empty = s.text("");
            Syscalls.check(
                    Syscalls.call(
                            s,
                            Syscalls.MOVE_MOUNT,
                            tree.value(),
                            empty,
                            Syscalls.AT_FDCWD,
                            s.text(target.toString()),
                            MOVE_MOUNT_F_EMPTY_PATH,
                            0),
                    "move_mount",
                    source + " to " + target);
        }
    }

    /**
     * A detached, read-only view of layers as an overlay file system shows them, which vanishes when the descriptor is closed. nosuid, nodev, noexec.
     *
     * @param lowersTopFirst trusted paths of layer folders, at least one; a single one is given as a read-only bind of itself
     */
    public static Directory overlayReadOnly(List<Path> lowersTopFirst) throws LinuxException {
        int attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
        if (lowersTopFirst.size() == 1) {
            // Older kernels want two lower folders where there is no upper one.
            Fd tree = openTree(lowersTopFirst.getFirst());
            try (Scratch s = Scratch.take()) {
                setReadOnly(s, tree, attributes);
                return Directory.adopt(reopen(tree));
            } finally {
                tree.close();
            }
        }
        try (Fd context = fsopen("overlay")) {
            for (Path lower : lowersTopFirst) {
                long result = fsconfig(context, FSCONFIG_SET_STRING, "lowerdir+", lower.toString());
                if (result == -Errno.EINVAL && lower.equals(lowersTopFirst.getFirst())) {
                    return overlayOfNumbers(lowersTopFirst, attributes);
                }
                Syscalls.check(result, "fsconfig", "overlay lowerdir+=" + lower);
            }
            return create(context, attributes, lowersTopFirst.toString());
        }
    }

    /**
     * For kernels before "lowerdir+" (Linux 6.8): a value of fsconfig has at most 255 bytes, so the layers are named by the numbers of their descriptors, seen from
     * /proc/self/fd. Good for about 60 layers.
     */
    static Directory overlayOfNumbers(List<Path> lowersTopFirst, int attributes) throws LinuxException {
        List<Fd> lowers = new ArrayList<>();
        try {
            StringBuilder numbers = new StringBuilder();
            for (Path lower : lowersTopFirst) {
                Fd fd = Fd.open(lower, OpenFlags.PATH | OpenFlags.DIRECTORY, 0);
                lowers.add(fd);
                numbers.append(numbers.isEmpty() ? "" : ":").append(fd.value());
            }
            String subject = lowersTopFirst.toString();
            return OwnThread.call("overlay", () -> {
                try (Fd folder = Fd.open("/proc/self/fd", OpenFlags.RDONLY | OpenFlags.DIRECTORY, 0);
                        Scratch s = Scratch.take();
                        Fd context = fsopen("overlay")) {
                    Syscalls.check(Syscalls.call(s, Syscalls.UNSHARE, CLONE_FS, 0), "unshare", "");
                    Syscalls.check(Syscalls.call(s, Syscalls.FCHDIR, folder.value(), 0), "fchdir", folder.label());
                    Syscalls.check(
                            fsconfig(context, FSCONFIG_SET_STRING, "lowerdir", numbers.toString()),
                            "fsconfig",
                            "overlay lowerdir=" + numbers + " for " + subject);
                    return create(context, attributes, subject);
                }
            });
        } finally {
            lowers.forEach(Fd::close);
        }
    }

    static Fd fsopen(String type) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long fd = Syscalls.call(s, Syscalls.FSOPEN, s.text(type), FSOPEN_CLOEXEC);
            return Fd.adopt((int) Syscalls.check(fd, "fsopen", type), type);
        }
    }

    /** Sets one string; gives 0 or the negative error number. */
    static long fsconfig(Fd context, int command, String key, String value) {
        try (Scratch s = Scratch.take()) {
            long keyAddress = s.text(key);
            return Syscalls.call(s, Syscalls.FSCONFIG, context.value(), command, keyAddress, s.text(value), 0, 0);
        }
    }

    /** Whether overlayfs takes its lower folders one by one. */
    static boolean takesLowerdirOneByOne() throws LinuxException {
        try (Fd context = fsopen("overlay")) {
            return fsconfig(context, FSCONFIG_SET_STRING, "lowerdir+", "/") == 0;
        }
    }

    private static Directory create(Fd context, int attributes, String subject) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long ro = s.text("ro");
            Syscalls.check(
                    Syscalls.call(s, Syscalls.FSCONFIG, context.value(), FSCONFIG_SET_FLAG, ro, 0, 0, 0),
                    "fsconfig",
                    "ro");
            long result = Syscalls.call(s, Syscalls.FSCONFIG, context.value(), FSCONFIG_CMD_CREATE, 0, 0, 0, 0);
            Syscalls.check(result, "fsconfig", "overlay of " + subject);
            long mount = Syscalls.call(s, Syscalls.FSMOUNT, context.value(), FSMOUNT_CLOEXEC, attributes, 0);
            try (Fd fd = Fd.adopt((int) Syscalls.check(mount, "fsmount", subject), "overlay of " + subject)) {
                return Directory.adopt(reopen(fd));
            }
        }
    }

    /** fsmount and open_tree give O_PATH descriptors, which cannot be listed, and whose closing unmounts the tree: the new one keeps the file system alive. */
    private static Fd reopen(Fd mount) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long dot = s.text(".");
            return Fd.openat2(s, mount.value(), dot, OpenFlags.RDONLY | OpenFlags.DIRECTORY, 0, 0, mount.label());
        }
    }

    /**
     * A file in a mount of its own, which is read-only: what runs from there cannot be overwritten through /proc/PID/exe. The mount goes with the descriptor, but what
     * runs from it keeps its file.
     */
    public static Fd readOnlyFile(Path file) throws LinuxException {
        Fd tree = openTree(file);
        try (Scratch s = Scratch.take()) {
            setReadOnly(s, tree, MOUNT_ATTR_RDONLY);
            return tree;
        } catch (LinuxException e) {
            tree.close();
            throw e;
        }
    }

    private static Fd openTree(Path source) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            long fd = Syscalls.call(
                    s,
                    Syscalls.OPEN_TREE,
                    Syscalls.AT_FDCWD,
                    s.text(source.toString()),
                    OPEN_TREE_CLONE | OpenFlags.CLOEXEC,
                    0);
            return Fd.adopt((int) Syscalls.check(fd, "open_tree", source.toString()), source.toString());
        }
    }

    private static void setReadOnly(Scratch s, Fd tree, int attributes) throws LinuxException {
        int structure = s.zeroed(32);
        s.putLong(structure, attributes);
        Syscalls.check(
                Syscalls.call(
                        s,
                        Syscalls.MOUNT_SETATTR,
                        tree.value(),
                        s.text(""),
                        Syscalls.AT_EMPTY_PATH,
                        s.address(structure),
                        32,
                        0),
                "mount_setattr",
                tree.label());
    }
}
