package io.gantry.sandbox;

/**
 * What a process printed, and how it ended.
 *
 * @param stdoutTruncated it printed more than was kept
 * @param stderrTruncated it printed more than was kept
 * @param exitCode 128 + signal when killed by one
 * @param timedOut it was killed since its time was over
 */
@SuppressWarnings("ArrayRecordComponent")
public record ExecResult(
        byte[] stdout,
        byte[] stderr,
        boolean stdoutTruncated,
        boolean stderrTruncated,
        int exitCode,
        boolean timedOut) {}
