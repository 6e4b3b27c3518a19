package io.gantry.linux;

import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Work on whole trees that a container may have written: no symbolic link is followed, no mount is entered, and any depth is handled with few descriptors. */
final class Trees {
    /** Deeper directories are moved up to the top of the tree that is deleted, so the number of open descriptors is bounded. */
    private static final int DEPTH = 64;

    /** A tree deeper than this cannot be reached by any path name (PATH_MAX) and is counted only down to here. */
    private static final int USAGE_DEPTH = 2048;

    private Trees() {}

    /** Deletes a file or tree. EXDEV or EBUSY if something is mounted in it; entries that vanish meanwhile are no error. */
    static void delete(Directory parent, String name) throws LinuxException {
        Optional<FileStat> stat = parent.statIfExists(name);
        if (stat.isEmpty()) {
            return;
        }
        if (!stat.get().isDirectory()) {
            unlink(parent, name);
            return;
        }
        try (Directory top = parent.openSameMount(name)) {
            Deletion deletion = new Deletion(top);
            do {
                deletion.hoisted = 0;
                deletion.empty(top, 0);
            } while (deletion.hoisted > 0);
        }
        rmdir(parent, name);
    }

    private static final class Deletion {
        private final Directory top;
        private int hoisted;
        private int hoistNumber;

        private Deletion(Directory top) {
            this.top = top;
        }

        private void empty(Directory directory, int depth) throws LinuxException {
            for (Directory.Entry entry : directory.list()) {
                boolean isDirectory = entry.type() == 0
                        ? directory
                                .statIfExists(entry.name())
                                .map(FileStat::isDirectory)
                                .orElse(false)
                        : entry.type() == Directory.TYPE_DIRECTORY;
                if (!isDirectory) {
                    unlink(directory, entry.name());
                } else if (depth < DEPTH) {
                    emptyChild(directory, entry.name(), depth + 1);
                    rmdir(directory, entry.name());
                } else {
                    hoist(directory, entry.name());
                }
            }
        }

        private void emptyChild(Directory directory, String name, int depth) throws LinuxException {
            Directory child;
            try {
                child = directory.openSameMount(name);
            } catch (LinuxException e) {
                if (e.errno() == Errno.ENOENT) {
                    return;
                }
                throw e;
            }
            try (child) {
                empty(child, depth);
            }
        }

        private void hoist(Directory directory, String name) throws LinuxException {
            while (true) {
                String free = ".hoisted-" + hoistNumber++;
                if (top.statIfExists(free).isEmpty()) {
                    directory.rename(name, top, free);
                    hoisted++;
                    return;
                }
            }
        }
    }

    /** Counts allocated bytes and inodes. What vanishes meanwhile, or is another mount, is not counted. */
    static DiskUsage usage(Directory directory) throws LinuxException {
        FileStat self = directory.fd().stat();
        Count count = new Count();
        count.bytes = self.blocks() * 512;
        count.inodes = 1;
        count.addBelow(directory);
        return new DiskUsage(count.bytes, count.inodes);
    }

    private static final class Count {
        private long bytes;
        private long inodes;
        private final Set<List<Long>> linked = new HashSet<>();

        /** Without recursion: a container decides how deep its tree is, and a call's stack holds a few hundred levels. */
        private void addBelow(Directory top) throws LinuxException {
            Deque<Level> path = new ArrayDeque<>();
            path.push(new Level(top, top.list().iterator()));
            try {
                while (!path.isEmpty()) {
                    Level level = path.getFirst();
                    if (level.entries.hasNext()) {
                        add(level.directory, level.entries.next().name(), path);
                    } else {
                        path.pop();
                        close(level, top);
                    }
                }
            } finally {
                path.forEach(level -> close(level, top));
            }
        }

        private static void close(Level level, Directory top) {
            if (level.directory != top) {
                level.directory.close();
            }
        }

        private void add(Directory directory, String name, Deque<Level> path) throws LinuxException {
            Optional<FileStat> found = directory.statIfExists(name);
            if (found.isEmpty()) {
                return;
            }
            FileStat stat = found.get();
            if (!stat.isDirectory()) {
                if (stat.nlink() <= 1 || linked.add(List.of(stat.dev(), stat.ino()))) {
                    bytes += stat.blocks() * 512;
                    inodes++;
                }
                return;
            }
            bytes += stat.blocks() * 512;
            inodes++;
            if (path.size() <= USAGE_DEPTH) {
                enter(directory, name, path);
            }
        }

        private static void enter(Directory directory, String name, Deque<Level> path) throws LinuxException {
            Directory child;
            try {
                child = directory.openSameMount(name);
            } catch (LinuxException gone) {
                switch (gone.errno()) {
                    case Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.EXDEV -> {
                        return;
                    }
                    default -> throw gone;
                }
            }
            Level level = new Level(child, Collections.emptyIterator());
            // On the path first, so that it is closed whatever becomes of the reading.
            path.push(level);
            level.entries = child.list().iterator();
        }
    }

    /** A directory that is being counted, and what of it is still to come. */
    private static final class Level {
        private final Directory directory;
        private Iterator<Directory.Entry> entries;

        private Level(Directory directory, Iterator<Directory.Entry> entries) {
            this.directory = directory;
            this.entries = entries;
        }
    }

    private static void unlink(Directory directory, String name) throws LinuxException {
        try {
            directory.unlink(name);
        } catch (LinuxException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
        }
    }

    private static void rmdir(Directory directory, String name) throws LinuxException {
        try {
            directory.rmdir(name);
        } catch (LinuxException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
        }
    }
}
