package io.gantry.conformance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Reads the cgroup files of a process, on v1 and v2 hosts. */
final class Cgroups {
    private static final Path ROOT = Path.of("/sys/fs/cgroup");
    static final boolean V2 = Files.exists(ROOT.resolve("cgroup.controllers"));

    private Cgroups() {}

    /** The value of a file in the process's group of a v1 hierarchy, or in its one group on v2. */
    static String read(long pid, String controller, String v1File, String v2File) {
        Path file = group(pid, controller).resolve(V2 ? v2File : v1File);
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Path group(long pid, String controller) {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/cgroup"))) {
                // hierarchy:controllers:path
                String[] parts = line.split(":", 3);
                if (V2 && parts[0].equals("0")) {
                    return ROOT.resolve(parts[2].substring(1));
                }
                if (!V2 && Arrays.asList(parts[1].split(",")).contains(controller)) {
                    return ROOT.resolve(controller).resolve(parts[2].substring(1));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw new AssertionError("process " + pid + " is in no group of " + controller);
    }
}
