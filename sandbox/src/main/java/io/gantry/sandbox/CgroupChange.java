package io.gantry.sandbox;

import io.gantry.linux.Errno;
import io.gantry.linux.LinuxException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/** A series of writes to a group's files that are put back when one of them is refused. */
final class CgroupChange {
    private record Former(Path file, String value) {}

    private final boolean keepsFormer;
    private final Deque<Former> formers = new ArrayDeque<>();

    /**
     * @param keepsFormer false for a new group, which goes as a whole: then nothing is read
     */
    CgroupChange(boolean keepsFormer) {
        this.keepsFormer = keepsFormer;
    }

    /** Writes, or throws INVALID after putting everything back. */
    void write(Path file, String value) throws SandboxException {
        LinuxException failure = tryWrite(file, value);
        if (failure != null) {
            throw refused(file, value, failure);
        }
    }

    /** Writes; gives the kernel's refusal, null if it took it. */
    @Nullable
    LinuxException tryWrite(Path file, String value) {
        try {
            String former = keepsFormer ? CgroupFiles.readIfExists(file) : null;
            CgroupFiles.write(file, value);
            if (former != null) {
                formers.push(new Former(file, former));
            }
            return null;
        } catch (LinuxException e) {
            return e;
        }
    }

    /** Puts everything back and gives the exception to throw. */
    SandboxException refused(Path file, String value, LinuxException failure) {
        undo();
        String why = failure.errno() == Errno.ENOENT ? "this kernel, or this group, has no such file" : "refused";
        return new SandboxException(
                SandboxException.Kind.INVALID,
                "cannot set " + file + " to '" + value + "': " + why + ": " + failure.getMessage(),
                failure);
    }

    /** Puts everything back. */
    void undo() {
        while (!formers.isEmpty()) {
            Former former = formers.pop();
            tryRestore(former);
        }
    }

    private static void tryRestore(Former former) {
        try {
            CgroupFiles.write(former.file(), former.value().isEmpty() ? "\n" : former.value());
        } catch (LinuxException e) {
            // The first refusal is what the caller is told; this file keeps the new value, which the kernel had taken.
        }
    }
}
