package io.gantry.image.unpack;

import io.gantry.image.tar.TarEntry;
import io.gantry.image.tar.TarEntry.Segment;
import io.gantry.image.tar.TarFormatException;
import io.gantry.image.tar.TarReader;
import io.gantry.linux.Directory;
import io.gantry.linux.Errno;
import io.gantry.linux.Fd;
import io.gantry.linux.FileStat;
import io.gantry.linux.LinuxException;
import io.gantry.linux.OpenFlags;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Unpacks the tar of one layer into an empty folder, for overlayfs (image-spec, "Image Layer Filesystem Changeset"). Whatever the archive says, nothing outside
 * of the folder is touched: every member is made by one name in an open folder, and the folder is looked up by the kernel within the root. Used once, by one
 * thread.
 */
public final class LayerUnpacker implements AutoCloseable {
    private static final String WHITEOUT = ".wh.";
    private static final String WHITEOUT_META = ".wh..wh.";
    private static final String WHITEOUT_OPAQUE = ".wh..wh..opq";
    private static final int NEW_FILE = OpenFlags.WRONLY | OpenFlags.CREAT | OpenFlags.EXCL | OpenFlags.NOFOLLOW;
    private static final long BLOCK = 4096;

    private final Directory root;
    private final LayerFolders folders;
    private final Map<String, TarEntry> folderTimes = new LinkedHashMap<>();
    private long bytes;
    private long inodes = 1;

    /**
     * Does not close {@code root}.
     *
     * @param root an empty folder
     */
    public LayerUnpacker(Directory root) {
        this.root = root;
        this.folders = new LayerFolders(root);
    }

    /**
     * Unpacks everything in {@code tar} and reads the stream to its end.
     *
     * @throws TarFormatException when the archive is at fault
     * @throws IOException when the stream or the disk is
     */
    public LayerSize unpack(InputStream tar) throws IOException {
        TarReader reader = new TarReader(tar);
        root.fd().chmod(0755);
        while (true) {
            Optional<TarEntry> entry = reader.next();
            if (entry.isEmpty()) {
                break;
            }
            if (Thread.currentThread().isInterrupted()) {
                throw new InterruptedIOException("unpacking was interrupted");
            }
            try {
                place(entry.get(), reader);
            } catch (LinuxException e) {
                throw blame(e, entry.get());
            }
        }
        setFolderTimes();
        reader.drain();
        return new LayerSize(bytes + folders.made() * BLOCK, inodes + folders.made());
    }

    private void place(TarEntry entry, TarReader reader) throws IOException {
        LayerPath path = LayerPath.of(entry.path());
        if (path.isRoot()) {
            if (entry.type() != TarEntry.Type.DIRECTORY) {
                throw new TarFormatException("the archive has a member without a name");
            }
            attributesOfOpen(root.fd(), entry);
            folderTimes.put("", entry);
            return;
        }
        Directory parent = folders.get(path.parent());
        String name = path.name();
        if (name.startsWith(WHITEOUT)) {
            whiteout(parent, name);
            return;
        }
        switch (entry.type()) {
            case FILE -> file(parent, name, entry, reader);
            case DIRECTORY -> folder(parent, path, entry);
            case HARD_LINK -> hardLink(parent, path, entry);
            case SYMLINK -> {
                clear(parent, name);
                parent.symlink(entry.linkTarget(), name);
                inodes++;
                attributes(parent, name, entry);
                setTimes(parent, name, entry);
            }
            case CHARACTER_DEVICE -> node(parent, name, entry, FileStat.CHARACTER_DEVICE);
            case BLOCK_DEVICE -> node(parent, name, entry, FileStat.BLOCK_DEVICE);
            case FIFO -> node(parent, name, entry, FileStat.FIFO);
        }
    }

    private void whiteout(Directory parent, String name) throws IOException {
        if (name.equals(WHITEOUT_OPAQUE)) {
            LayerFolders.makeOpaque(parent);
            return;
        }
        if (name.startsWith(WHITEOUT_META)) {
            // Book-keeping of aufs, which means nothing to others.
            return;
        }
        String hidden = name.substring(WHITEOUT.length());
        if (hidden.isEmpty() || hidden.equals(".") || hidden.equals("..")) {
            throw new TarFormatException("the archive has a whiteout of nothing");
        }
        Optional<FileStat> there = parent.statIfExists(hidden);
        if (there.isEmpty()) {
            parent.mknod(hidden, FileStat.CHARACTER_DEVICE, 0, 0);
            inodes++;
        } else if (there.get().isDirectory()) {
            // A whiteout concerns lower layers only: this layer's own folder stays and hides theirs.
            LayerFolders.makeOpaque(parent, hidden);
        }
    }

    private void file(Directory parent, String name, TarEntry entry, TarReader reader) throws IOException {
        try (Fd file = create(parent, name)) {
            if (entry.sparse()) {
                for (Segment segment : entry.segments()) {
                    file.seek(segment.offset());
                    reader.content(segment.length(), file::write);
                }
                file.truncate(entry.fileSize());
            } else {
                reader.content(entry.contentSize(), file::write);
            }
            attributesOfOpen(file, entry);
            file.setTimes(entry.mtimeSeconds(), entry.mtimeNanos(), entry.mtimeSeconds(), entry.mtimeNanos());
        }
        inodes++;
        bytes += (entry.contentSize() + BLOCK - 1) / BLOCK * BLOCK;
    }

    private Fd create(Directory parent, String name) throws LinuxException {
        try {
            return parent.openFile(name, NEW_FILE, 0600);
        } catch (LinuxException e) {
            if (e.errno() != Errno.EEXIST) {
                throw e;
            }
            clear(parent, name);
            return parent.openFile(name, NEW_FILE, 0600);
        }
    }

    private void folder(Directory parent, LayerPath path, TarEntry entry) throws LinuxException {
        String name = path.name();
        try {
            parent.mkdir(name, 0700);
            inodes++;
            bytes += BLOCK;
        } catch (LinuxException e) {
            if (e.errno() != Errno.EEXIST) {
                throw e;
            }
            FileStat there = parent.stat(name);
            if (!there.isDirectory()) {
                clear(parent, name);
                parent.mkdir(name, 0700);
                inodes++;
                bytes += BLOCK;
                if (LayerFolders.isWhiteout(there)) {
                    LayerFolders.makeOpaque(parent, name);
                }
            }
        }
        attributes(parent, name, entry);
        folderTimes.put(path.whole(), entry);
    }

    private void hardLink(Directory parent, LayerPath path, TarEntry entry) throws IOException {
        LayerPath target = LayerPath.of(entry.linkTarget());
        if (target.isRoot()) {
            throw new TarFormatException("the archive links " + path + " to its root");
        }
        if (target.equals(path)) {
            return;
        }
        Directory from = folders.existing(target.parent());
        if (from.statIfExists(target.name()).isEmpty()) {
            throw new TarFormatException("the archive links " + path + " to " + target + ", which it has not made");
        }
        clear(parent, path.name());
        from.link(target.name(), parent, path.name());
    }

    private void node(Directory parent, String name, TarEntry entry, int type) throws LinuxException {
        clear(parent, name);
        parent.mknod(name, type | 0600, entry.deviceMajor(), entry.deviceMinor());
        inodes++;
        attributes(parent, name, entry);
        setTimes(parent, name, entry);
    }

    /** Removes what an earlier member of this layer has put there. */
    private void clear(Directory parent, String name) throws LinuxException {
        Optional<FileStat> there = parent.statIfExists(name);
        if (there.isEmpty()) {
            return;
        }
        if (there.get().isDirectory()) {
            parent.deleteTree(name);
        } else {
            parent.unlink(name);
        }
        if (there.get().isDirectory() || there.get().isSymlink()) {
            // Open folders below it, or behind it, would keep taking members that belong elsewhere now.
            folders.forgetBut(parent);
        }
    }

    // chown clears setuid, setgid and security.capability: it must come first.
    private static void attributesOfOpen(Fd file, TarEntry entry) throws LinuxException {
        file.chown(entry.uid(), entry.gid());
        file.chmod(entry.mode());
        for (Map.Entry<String, byte[]> xattr : entry.xattrs().entrySet()) {
            if (isWanted(xattr.getKey())) {
                tolerant(() -> file.setXattr(Directory.text(xattr.getKey()), xattr.getValue()));
            }
        }
    }

    private static void attributes(Directory parent, String name, TarEntry entry) throws LinuxException {
        parent.chown(name, entry.uid(), entry.gid());
        if (entry.type() != TarEntry.Type.SYMLINK) {
            parent.chmod(name, entry.mode());
        }
        for (Map.Entry<String, byte[]> xattr : entry.xattrs().entrySet()) {
            if (isWanted(xattr.getKey())) {
                tolerant(() -> parent.setXattr(name, Directory.text(xattr.getKey()), xattr.getValue()));
            }
        }
    }

    /** An image must not steer overlayfs (a redirect reaches other folders), nor carry another machine's labels. */
    private static boolean isWanted(String xattr) {
        return !xattr.startsWith("trusted.overlay.")
                && !xattr.startsWith("user.overlay.")
                && !xattr.equals("security.selinux");
    }

    private static void tolerant(XattrCall call) throws LinuxException {
        try {
            call.run();
        } catch (LinuxException e) {
            // EPERM: user.* on links and devices, which Linux does not allow. Both are left out, as containerd does.
            if (e.errno() != Errno.EOPNOTSUPP && e.errno() != Errno.EPERM) {
                throw e;
            }
        }
    }

    private interface XattrCall {
        void run() throws LinuxException;
    }

    private static void setTimes(Directory parent, String name, TarEntry entry) throws LinuxException {
        parent.setTimes(name, entry.mtimeSeconds(), entry.mtimeNanos(), entry.mtimeSeconds(), entry.mtimeNanos());
    }

    /** Folders get their times last, since each member that came into them changed them. */
    private void setFolderTimes() throws LinuxException {
        for (Map.Entry<String, TarEntry> folder : folderTimes.entrySet()) {
            TarEntry entry = folder.getValue();
            if (folder.getKey().isEmpty()) {
                root.fd().setTimes(entry.mtimeSeconds(), entry.mtimeNanos(), entry.mtimeSeconds(), entry.mtimeNanos());
                continue;
            }
            int slash = folder.getKey().lastIndexOf('/');
            try {
                Directory parent = folders.existing(folder.getKey().substring(0, Math.max(slash, 0)));
                setTimes(parent, folder.getKey().substring(slash + 1), entry);
            } catch (LinuxException e) {
                // A later member took its place.
                if (e.errno() != Errno.ENOENT && e.errno() != Errno.ENOTDIR && e.errno() != Errno.ELOOP) {
                    throw e;
                }
            }
        }
    }

    /** Errors that come from what the archive asks for are the archive's fault, not the machine's. */
    private static IOException blame(LinuxException failure, TarEntry entry) {
        return switch (failure.errno()) {
            case Errno.ENOTDIR,
                    Errno.EEXIST,
                    Errno.ENOENT,
                    Errno.ELOOP,
                    Errno.ENAMETOOLONG,
                    Errno.EXDEV,
                    Errno.EINVAL,
                    Errno.EPERM,
                    Errno.EISDIR,
                    Errno.E2BIG,
                    Errno.ERANGE,
                    Errno.EFBIG -> {
                TarFormatException blamed = new TarFormatException("the archive's member "
                        + Directory.text(entry.path()) + " cannot be made: " + failure.getMessage());
                blamed.initCause(failure);
                yield blamed;
            }
            default -> failure;
        };
    }

    @Override
    public void close() {
        folders.close();
    }
}
