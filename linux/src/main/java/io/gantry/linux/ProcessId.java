package io.gantry.linux;

import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * A process that cannot be mistaken for a later one with the same number.
 *
 * @param startTime field 22 of /proc/PID/stat: clock ticks since the machine started
 */
public record ProcessId(long pid, long startTime) {
    /** The process that has this number now; empty if there is none, or it is a zombie. */
    public static Optional<ProcessId> of(long pid) {
        try (Fd fd = Fd.open("/proc/" + pid + "/stat", OpenFlags.RDONLY, 0)) {
            return parse(pid, new String(fd.readAll(4096), StandardCharsets.ISO_8859_1));
        } catch (LinuxException gone) {
            return Optional.empty();
        }
    }

    /** Whether the process runs still; a zombie does not. */
    public boolean isAlive() {
        return of(pid).equals(Optional.of(this));
    }

    static Optional<ProcessId> parse(long pid, String stat) {
        // The name in parentheses may hold anything, blanks and parentheses too.
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        String state = fields[0];
        if (state.equals("Z") || state.equals("X")) {
            return Optional.empty();
        }
        return Optional.of(new ProcessId(pid, Long.parseLong(fields[19])));
    }
}
