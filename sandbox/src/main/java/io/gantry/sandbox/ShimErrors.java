package io.gantry.sandbox;

import io.gantry.linux.Errno;
import java.util.List;

/** Failures that a shim tells, in this module's words. */
final class ShimErrors {
    private ShimErrors() {}

    /**
     * From the fields of an ERROR frame: step, path, error number, message.
     *
     * @param what was tried
     * @param id of the container that it was about, empty if none
     */
    static SandboxException toException(String what, String id, List<String> fields) {
        if (fields.size() < 4) {
            return new SandboxException(
                    SandboxException.Kind.INTERNAL, what + ": the shim sent a malformed error " + fields);
        }
        String step = fields.get(0);
        String path = fields.get(1);
        int errno;
        try {
            errno = Integer.parseInt(fields.get(2));
        } catch (NumberFormatException e) {
            errno = 0;
        }
        StringBuilder text = new StringBuilder(what).append(": ").append(step);
        if (!path.isEmpty() && !path.equals(id)) {
            text.append(' ').append(path);
        }
        text.append(": ").append(fields.get(3));
        if (errno != 0) {
            text.append(" (").append(Errno.name(errno)).append(')');
        }
        return new SandboxException(kind(step, path.equals(id), errno), text.toString(), step, errno);
    }

    private static SandboxException.Kind kind(String step, boolean aboutContainer, int errno) {
        return switch (errno) {
            case Errno.EEXIST ->
                step.equals("id") || step.equals("pod")
                        ? SandboxException.Kind.ALREADY_EXISTS
                        : SandboxException.Kind.INTERNAL;
            // A path in an image is a user's, all others are this daemon's.
            case Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP ->
                aboutContainer || step.equals("image")
                        ? SandboxException.Kind.NOT_FOUND
                        : SandboxException.Kind.INTERNAL;
            case Errno.EBUSY, Errno.ESRCH -> SandboxException.Kind.FAILED_PRECONDITION;
            case Errno.EINVAL ->
                aboutContainer ? SandboxException.Kind.FAILED_PRECONDITION : SandboxException.Kind.INVALID;
            default -> SandboxException.Kind.INTERNAL;
        };
    }
}
