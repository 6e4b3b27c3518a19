package io.gantry.sandbox;

import org.jspecify.annotations.Nullable;

/**
 * What a cgroup uses, its children included.
 *
 * @param timestampNanos when it was read, since the epoch
 * @param cpuNanos processor time used since the group was made
 * @param memoryUsage bytes, with the page cache
 * @param workingSet bytes: usage without the inactive part of the page cache
 * @param rss bytes of anonymous memory
 * @param memoryLimit bytes, -1 for none
 * @param swapUsage bytes, -1 where swap is not counted
 * @param swapLimit bytes of swap alone, -1 for none or not counted
 * @param pids processes and threads, 0 where they are not counted
 * @param pidsLimit -1 for none
 * @param cpuPressure null where the kernel does not tell (version 1, or no PSI)
 * @param memoryPressure as cpuPressure
 * @param ioPressure as cpuPressure
 */
public record CgroupStats(
        long timestampNanos,
        long cpuNanos,
        long memoryUsage,
        long workingSet,
        long rss,
        long pageFaults,
        long majorPageFaults,
        long memoryLimit,
        long swapUsage,
        long swapLimit,
        long pids,
        long pidsLimit,
        @Nullable Pressure cpuPressure,
        @Nullable Pressure memoryPressure,
        @Nullable Pressure ioPressure) {
    /** Pressure stall information: the share of time in which some, or all, tasks waited. */
    public record Pressure(Line some, Line full) {}

    /**
     * Percentages over the last 10, 60 and 300 seconds.
     *
     * @param totalMicros since the group was made
     */
    public record Line(double avg10, double avg60, double avg300, long totalMicros) {}
}
