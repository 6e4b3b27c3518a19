package io.gantry.sandbox;

import io.gantry.linux.Directory;
import io.gantry.linux.Errno;
import io.gantry.linux.Fd;
import io.gantry.linux.LinuxException;
import io.gantry.linux.OpenFlags;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Reading and writing files of cgroup file systems. */
final class CgroupFiles {
    /** What a process takes to die after SIGKILL is the kernel's affair: dumping or unmapping much memory takes a while. */
    private static final Duration REMOVAL = Duration.ofSeconds(10);

    private static final int LIMIT = 4 << 20;

    private CgroupFiles() {}

    static String read(Path file) throws LinuxException {
        try (Fd fd = Fd.open(file, OpenFlags.RDONLY, 0)) {
            return new String(fd.readAll(LIMIT), StandardCharsets.UTF_8).strip();
        }
    }

    /** The content; null if the file, or its group, does not exist. */
    static @Nullable String readIfExists(Path file) throws LinuxException {
        try {
            return read(file);
        } catch (LinuxException e) {
            // ENODEV: the group was removed while the file was open.
            if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENODEV || e.errno() == Errno.EOPNOTSUPP) {
                return null;
            }
            throw e;
        }
    }

    /** Each value in one write, as these files want it. */
    static void write(Path file, List<String> values) throws LinuxException {
        try (Fd fd = Fd.open(file, OpenFlags.WRONLY, 0)) {
            for (String value : values) {
                fd.write(value.getBytes(StandardCharsets.UTF_8));
            }
        }
    }

    /** Of several lines each by itself: such a file has an entry a device, and takes one at a time. */
    static void write(Path file, String value) throws LinuxException {
        List<String> lines = value.lines().filter(line -> !line.isBlank()).toList();
        write(file, lines.size() > 1 ? lines : List.of(value));
    }

    /** A number; -1 for {@code max}, or for what version 1 says in its place; -1 too if the file is not there. */
    static long limit(Path file) throws LinuxException {
        String text = readIfExists(file);
        if (text == null || text.equals("max")) {
            return -1;
        }
        long value = Long.parseUnsignedLong(text);
        // PAGE_COUNTER_MAX, rounded down to whole pages of at most 64 KiB.
        return value < 0 || value >= Long.MAX_VALUE - 65_535 ? -1 : value;
    }

    /** A number; 0 if the file is not there. */
    static long number(Path file) throws LinuxException {
        String text = readIfExists(file);
        return text == null ? 0 : Long.parseUnsignedLong(text);
    }

    /** Lines of {@code KEY N}; empty if the file is not there. */
    static Map<String, Long> keyed(Path file) throws LinuxException {
        Map<String, Long> values = new TreeMap<>();
        String text = readIfExists(file);
        if (text != null) {
            for (String line : text.split("\n", -1)) {
                int blank = line.indexOf(' ');
                if (blank > 0) {
                    values.put(
                            line.substring(0, blank),
                            Long.parseUnsignedLong(line.substring(blank + 1).strip()));
                }
            }
        }
        return values;
    }

    /** One key of such a file; empty if it, or the file, is not there. */
    static OptionalLong key(Path file, String key) throws LinuxException {
        Long value = keyed(file).get(key);
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /** Makes a folder and those above it up to the top; false if it existed. */
    static boolean makeFolders(Path top, Path folder) throws IOException {
        try {
            Files.createDirectory(folder);
            return true;
        } catch (FileAlreadyExistsException e) {
            return false;
        } catch (NoSuchFileException e) {
            Path parent = folder.getParent();
            if (folder.equals(top) || parent == null) {
                throw e;
            }
            makeFolders(top, parent);
            return makeFolders(top, folder);
        }
    }

    /** Process numbers in a group and those below it. */
    static List<Long> processes(Path group) throws LinuxException {
        List<Long> all = new ArrayList<>();
        String own = readIfExists(group.resolve("cgroup.procs"));
        if (own != null && !own.isEmpty()) {
            for (String pid : own.split("\n", -1)) {
                all.add(Long.valueOf(pid));
            }
        }
        for (String child : children(group)) {
            all.addAll(processes(group.resolve(child)));
        }
        return all;
    }

    static List<String> children(Path group) throws LinuxException {
        try (Directory directory = Directory.open(group)) {
            return directory.list().stream()
                    .filter(entry -> entry.type() == Directory.TYPE_DIRECTORY)
                    .map(Directory.Entry::name)
                    .toList();
        } catch (LinuxException e) {
            if (e.errno() == Errno.ENOENT) {
                return List.of();
            }
            throw e;
        }
    }

    /** Removes a group and those below, waiting for killed processes to be gone. */
    static void remove(Path group) throws LinuxException, InterruptedException {
        long deadline = System.nanoTime() + REMOVAL.toNanos();
        long pause = 1;
        while (true) {
            try {
                removeOnce(group);
                return;
            } catch (LinuxException e) {
                if (e.errno() != Errno.EBUSY || System.nanoTime() > deadline) {
                    throw e;
                }
            }
            Thread.sleep(pause);
            pause = Math.min(2 * pause, 100);
        }
    }

    private static void removeOnce(Path group) throws LinuxException {
        Path parent = group.getParent();
        Path name = group.getFileName();
        if (parent == null || name == null) {
            throw new IllegalArgumentException(group + " is not a cgroup");
        }
        Directory above;
        try {
            above = Directory.open(parent);
        } catch (LinuxException e) {
            if (e.errno() == Errno.ENOENT) {
                return;
            }
            throw e;
        }
        try (above) {
            try {
                above.rmdir(name.toString());
            } catch (LinuxException e) {
                if (e.errno() == Errno.ENOENT) {
                    return;
                }
                if (e.errno() != Errno.EBUSY && e.errno() != Errno.ENOTEMPTY) {
                    throw e;
                }
                List<String> children = children(group);
                if (children.isEmpty()) {
                    throw e;
                }
                for (String child : children) {
                    removeOnce(group.resolve(child));
                }
                above.rmdir(name.toString());
            }
        }
    }
}
