package io.gantry.image.unpack;

import io.gantry.linux.Directory;
import io.gantry.linux.Errno;
import io.gantry.linux.FileStat;
import io.gantry.linux.LinuxException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The folders of a layer under construction, opened within its root whatever links the archive has made, and kept open as long as members keep coming into
 * them. Not thread-safe.
 */
final class LayerFolders implements AutoCloseable {
    static final String OPAQUE = "trusted.overlay.opaque";
    private static final int MAX_OPEN = 64;
    private static final byte[] YES = {'y'};

    private final Directory root;
    private final Map<String, Directory> open = new LinkedHashMap<>(MAX_OPEN * 2, 0.75f, true);
    private long made;

    /** Does not close {@code root}. */
    LayerFolders(Directory root) {
        this.root = root;
    }

    /** The folder at a simple path, made with its parents if it is not there. It stays open for at least the next 60 calls. */
    Directory get(String path) throws LinuxException {
        try {
            return existing(path);
        } catch (LinuxException e) {
            if (e.errno() != Errno.ENOENT && e.errno() != Errno.ENOTDIR) {
                throw e;
            }
        }
        int slash = path.lastIndexOf('/');
        makeMissing(get(path.substring(0, Math.max(slash, 0))), path.substring(slash + 1));
        return existing(path);
    }

    /** As {@link #get}, but ENOENT if it is not there. */
    Directory existing(String path) throws LinuxException {
        if (path.isEmpty()) {
            return root;
        }
        Directory known = open.get(path);
        if (known != null) {
            return known;
        }
        Directory folder = root.openDirectoryInRoot(path);
        if (open.size() == MAX_OPEN) {
            var eldest = open.entrySet().iterator();
            eldest.next().getValue().close();
            eldest.remove();
        }
        open.put(path, folder);
        return folder;
    }

    private void makeMissing(Directory parent, String name) throws LinuxException {
        Optional<FileStat> there = parent.statIfExists(name);
        boolean whiteout = there.isPresent() && isWhiteout(there.get());
        if (whiteout) {
            parent.unlink(name);
        }
        parent.mkdir(name, 0755);
        parent.chmod(name, 0755);
        made++;
        if (whiteout) {
            parent.setXattr(name, OPAQUE, YES);
        }
    }

    /** Marks a folder as hiding what lower layers have in it. */
    static void makeOpaque(Directory parent, String name) throws LinuxException {
        parent.setXattr(name, OPAQUE, YES);
    }

    /** Marks an open folder likewise. */
    static void makeOpaque(Directory folder) throws LinuxException {
        folder.fd().setXattr(OPAQUE, YES);
    }

    /** Whether it is overlayfs' mark that a name is gone: a character device 0/0. */
    static boolean isWhiteout(FileStat stat) {
        return stat.type() == FileStat.CHARACTER_DEVICE && stat.rdevMajor() == 0 && stat.rdevMinor() == 0;
    }

    /** Folders made because the archive had no members for them. */
    long made() {
        return made;
    }

    /** Closes all folders but one, since a path may lead elsewhere now. */
    void forgetBut(Directory kept) {
        open.values().removeIf(folder -> {
            if (folder == kept) {
                return false;
            }
            folder.close();
            return true;
        });
    }

    @Override
    public void close() {
        open.values().forEach(Directory::close);
        open.clear();
    }
}
