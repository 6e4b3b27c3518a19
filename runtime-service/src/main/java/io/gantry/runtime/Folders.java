package io.gantry.runtime;

import io.gantry.linux.Directory;
import io.gantry.linux.Errno;
import io.gantry.linux.LinuxException;
import io.gantry.linux.Mounts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Taking away what pods and containers left: their folders, which they may have written, and the two mounts of a pod. */
final class Folders {
    private static final Logger LOG = LoggerFactory.getLogger(Folders.class);

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

    /**
     * Moves a folder out of its place into {@code tmp}, which the next start of the daemon empties: whatever ends the daemon, what is in
     * its place is complete.
     *
     * @return where it is now, for {@link #discard}; nothing is there if there was no folder
     */
    static Path takeAway(Path folder, Path tmp) throws IOException {
        Path taken = tmp.resolve("removed-" + folder.getFileName());
        try {
            Files.move(folder, taken, StandardCopyOption.ATOMIC_MOVE);
        } catch (NoSuchFileException _) {
            // A former try came as far as this.
        }
        return taken;
    }

    /** Deletes what {@link #takeAway} took. */
    static void discard(Path taken) {
        try {
            delete(taken);
        } catch (LinuxException e) {
            LOG.warn("{} is not deleted: {}; the next start of the daemon does it", taken, e.getMessage());
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
