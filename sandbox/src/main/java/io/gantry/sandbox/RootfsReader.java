package io.gantry.sandbox;

import io.gantry.linux.Directory;
import io.gantry.linux.Errno;
import io.gantry.linux.Fd;
import io.gantry.linux.LinuxException;
import io.gantry.linux.Mounts;
import io.gantry.linux.OpenFlags;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Reads single files of an image that is not mounted, as a process in it would see them. */
public final class RootfsReader {
    private static final int LIMIT = 4 << 20;

    private RootfsReader() {}

    /**
     * The user database of an image.
     *
     * @param lowersTopFirst the folders of its layers; empty for an image without any
     * @throws SandboxException INVALID if a file has more than 4 MiB or is none
     */
    public static UserFiles userFiles(List<Path> lowersTopFirst) throws SandboxException {
        if (lowersTopFirst.isEmpty()) {
            return UserFiles.EMPTY;
        }
        try (Directory root = Mounts.overlayReadOnly(lowersTopFirst)) {
            return new UserFiles(text(root, "/etc/passwd"), text(root, "/etc/group"));
        } catch (LinuxException e) {
            throw new SandboxException(
                    e.errno() == Errno.EFBIG ? SandboxException.Kind.INVALID : SandboxException.Kind.INTERNAL,
                    "cannot read the users of an image: " + e.getMessage(),
                    e);
        }
    }

    private static String text(Directory root, String path) throws LinuxException, SandboxException {
        return read(root, path)
                .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
                .orElse("");
    }

    private static Optional<byte[]> read(Directory root, String path) throws LinuxException, SandboxException {
        // Not blocking on a FIFO, not reading a device.
        try (Fd file = root.openInRoot(path, OpenFlags.RDONLY | OpenFlags.NONBLOCK, 0)) {
            if (!file.stat().isRegular()) {
                throw new SandboxException(SandboxException.Kind.INVALID, path + " of the image is not a regular file");
            }
            return Optional.of(file.readAll(LIMIT));
        } catch (LinuxException e) {
            if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
                return Optional.empty();
            }
            throw e;
        }
    }
}
