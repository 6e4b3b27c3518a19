package io.gantry.runtime;

import io.gantry.linux.Directory;
import io.gantry.linux.Errno;
import io.gantry.linux.LinuxException;
import io.gantry.linux.Mounts;
import java.nio.file.Path;

/** Taking away what pods and containers left: their folders, which they may have written, and the two mounts of a pod. */
final class Folders {
    private Folders() {}

    /** Deletes a folder with all below it; nothing there is no error. */
    static void delete(Path folder) throws LinuxException {
        Path parent = folder.getParent();
        if (parent == null) {
            throw new IllegalArgumentException("will not delete " + folder);
        }
        try (Directory above = Directory.open(parent)) {
            above.deleteTree(folder.getFileName().toString());
        } catch (LinuxException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
        }
    }

    /** Unmounts whatever is mounted at a path; nothing mounted there, or nothing there, is no error. */
    static void unmount(Path target) throws LinuxException {
        try {
            Mounts.umount(target, true);
        } catch (LinuxException e) {
            // EINVAL: not a mount point (umount(2)).
            if (e.errno() != Errno.EINVAL && e.errno() != Errno.ENOENT) {
                throw e;
            }
        }
    }
}
