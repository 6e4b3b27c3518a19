package io.gantry.runtime;

import io.gantry.runtime.state.ContainerStatusRecord;
import io.gantry.runtime.state.ContainerStatusRecord.Phase;

/**
 * Where a container stands.
 *
 * <pre>
 * Creating -> Created -> Running -> Exited -> (removed)
 *      \          \-----------------^  a start that failed, or a kill before it
 *       (rolled back)
 * </pre>
 *
 * A change is on disk before it can be seen. Times are nanoseconds since the epoch.
 */
sealed interface ContainerState {

    record Creating() implements ContainerState {}

    /** Its init stands complete before the exec and waits. */
    record Created(long pid, long pidStartTime) implements ContainerState {}

    record Running(long pid, long pidStartTime, long startedAt) implements ContainerState {}

    /** {@code startedAt} is 0 if it never ran. */
    record Exited(long startedAt, long finishedAt, int exitCode, String reason, String message)
            implements ContainerState {}

    default boolean isRunning() {
        return this instanceof Running;
    }

    default boolean canStart() {
        return this instanceof Created;
    }

    default boolean isExited() {
        return this instanceof Exited;
    }

    /** The init's process id in the host's namespace, 0 if there is none. */
    default long pid() {
        return switch (this) {
            case Creating _, Exited _ -> 0;
            case Created created -> created.pid;
            case Running running -> running.pid;
        };
    }

    default ContainerStatusRecord.Builder toRecord() {
        ContainerStatusRecord.Builder record = ContainerStatusRecord.newBuilder();
        return switch (this) {
            case Creating _ -> record.setPhase(Phase.CREATING);
            case Created(long pid, long pidStartTime) ->
                record.setPhase(Phase.CREATED).setPid(pid).setPidStartTime(pidStartTime);
            case Running(long pid, long pidStartTime, long startedAt) ->
                record.setPhase(Phase.RUNNING)
                        .setPid(pid)
                        .setPidStartTime(pidStartTime)
                        .setStartedAt(startedAt);
            case Exited(long startedAt, long finishedAt, int exitCode, String reason, String message) ->
                record.setPhase(Phase.EXITED)
                        .setStartedAt(startedAt)
                        .setFinishedAt(finishedAt)
                        .setExitCode(exitCode)
                        .setReason(reason)
                        .setMessage(message);
        };
    }

    static ContainerState of(ContainerStatusRecord record) {
        return switch (record.getPhase()) {
            case CREATING, PHASE_UNSPECIFIED, UNRECOGNIZED -> new Creating();
            case CREATED -> new Created(record.getPid(), record.getPidStartTime());
            case RUNNING -> new Running(record.getPid(), record.getPidStartTime(), record.getStartedAt());
            case EXITED ->
                new Exited(
                        record.getStartedAt(),
                        record.getFinishedAt(),
                        record.getExitCode(),
                        record.getReason(),
                        record.getMessage());
        };
    }
}
