package io.gantry.sandbox;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How a container's init, or an exec'd process, ended.
 *
 * @param code the exit code, 128 + signal when killed by one
 * @param signal 0 if none
 * @param oomKilled the kernel killed a process of the container for memory
 * @param timedOut an exec that was killed since its time was over
 * @param startedNanos since the epoch, 0 if it never started
 * @param finishedNanos since the epoch
 */
public record ContainerExit(
        String id, int code, int signal, boolean oomKilled, boolean timedOut, long startedNanos, long finishedNanos) {
    /** Reads the exit file that the shim leaves; empty if there is none, so the container has not ended (or its shim was killed first). */
    public static Optional<ContainerExit> read(Path exitFile) throws SandboxException {
        try {
            List<String> fields = new ArrayList<>();
            for (String line :
                    Files.readString(exitFile, StandardCharsets.UTF_8).split("\n", -1)) {
                if (!line.isEmpty()) {
                    int blank = line.indexOf(' ');
                    fields.add(line.substring(0, Math.max(0, blank)));
                    fields.add(line.substring(blank + 1));
                }
            }
            return Optional.of(of(Records.pairs(fields)));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException | IllegalArgumentException e) {
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL, "cannot read the exit status " + exitFile + ": " + e, e);
        }
    }

    static ContainerExit of(Map<String, String> pairs) {
        return new ContainerExit(
                pairs.getOrDefault("id", ""),
                (int) number(pairs, "code"),
                (int) number(pairs, "signal"),
                number(pairs, "oom") != 0,
                pairs.getOrDefault("timeout", "0").equals("1"),
                number(pairs, "started"),
                number(pairs, "finished"));
    }

    private static long number(Map<String, String> pairs, String key) {
        String value = pairs.get(key);
        if (value == null) {
            throw new IllegalArgumentException("no " + key + " in an exit status: " + pairs);
        }
        return Long.parseLong(value);
    }
}
