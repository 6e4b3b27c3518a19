package io.gantry.sandbox;

import io.gantry.linux.ProcessId;
import java.util.Optional;

/**
 * A container as its shim sees it.
 *
 * @param startedNanos since the epoch, 0 if it has not started
 * @param exit when it has ended
 */
public record ContainerState(
        String id, Status status, ProcessId process, long startedNanos, Optional<ContainerExit> exit) {
    /** Where a container is in its life. */
    public enum Status {
        CREATED,
        RUNNING,
        EXITED
    }
}
