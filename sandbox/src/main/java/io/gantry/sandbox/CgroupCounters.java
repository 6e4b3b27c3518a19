package io.gantry.sandbox;

import java.util.List;

/**
 * What a cgroup counts beside {@link CgroupStats}, for metrics: costlier to read. What the kernel does not tell is 0.
 *
 * @param cpuUserNanos processor time in user mode
 * @param cpuSystemNanos processor time in the kernel
 * @param periods of the CPU quota that have passed while something ran
 * @param throttledPeriods those in which the quota was used up
 * @param throttledNanos how long tasks were kept from running so
 * @param cache bytes of page cache
 * @param mappedFile bytes of files mapped into memory
 * @param kernelMemory bytes
 * @param peakMemory bytes, the highest usage so far
 * @param limitHits how often usage reached the limit
 * @param processes the numbers of its processes, in the reader's PID namespace
 * @param io for each disk that was used
 */
public record CgroupCounters(
        long cpuUserNanos,
        long cpuSystemNanos,
        long periods,
        long throttledPeriods,
        long throttledNanos,
        long cache,
        long mappedFile,
        long kernelMemory,
        long peakMemory,
        long limitHits,
        List<Long> processes,
        List<DeviceIo> io) {

    /**
     * What went to and from a disk.
     *
     * @param reads operations
     * @param writes operations
     */
    public record DeviceIo(int major, int minor, long readBytes, long writtenBytes, long reads, long writes) {}
}
