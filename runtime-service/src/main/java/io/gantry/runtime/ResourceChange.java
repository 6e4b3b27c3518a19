package io.gantry.runtime;

import io.gantry.cri.v1.HugepageLimit;
import io.gantry.cri.v1.LinuxContainerResources;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * An UpdateContainerResources against what is in force: zero and empty fields leave a setting as it is.
 *
 * @param merged what is in force once it is applied
 * @param toApply what is to be written: the given settings, each with the partner that the kernel takes it with
 */
record ResourceChange(LinuxContainerResources merged, LinuxContainerResources toApply) {

    static ResourceChange of(LinuxContainerResources present, LinuxContainerResources wanted) {
        Map<String, HugepageLimit> hugepages = new LinkedHashMap<>();
        present.getHugepageLimitsList().forEach(limit -> hugepages.put(limit.getPageSize(), limit));
        wanted.getHugepageLimitsList().forEach(limit -> hugepages.put(limit.getPageSize(), limit));
        LinuxContainerResources merged = present.toBuilder()
                .mergeFrom(wanted)
                .clearHugepageLimits()
                .addAllHugepageLimits(hugepages.values())
                // A process's own, set when it starts: like containerd, an update leaves it alone.
                .setOomScoreAdj(present.getOomScoreAdj())
                .build();
        if (wanted.getMemorySwapLimitInBytes() == 0
                && merged.getMemorySwapLimitInBytes() > 0
                && merged.getMemorySwapLimitInBytes() < merged.getMemoryLimitInBytes()) {
            // Memory has grown beyond what it was to be together with swap.
            merged = merged.toBuilder()
                    .setMemorySwapLimitInBytes(merged.getMemoryLimitInBytes())
                    .build();
        }
        LinuxContainerResources.Builder apply = wanted.toBuilder();
        if (wanted.getCpuQuota() != 0 || wanted.getCpuPeriod() != 0) {
            apply.setCpuQuota(merged.getCpuQuota()).setCpuPeriod(merged.getCpuPeriod());
        }
        if (wanted.getMemoryLimitInBytes() != 0 || wanted.getMemorySwapLimitInBytes() != 0) {
            // The CRI counts memory and swap together, cgroup v2 apart: one cannot be set without the other.
            apply.setMemoryLimitInBytes(merged.getMemoryLimitInBytes())
                    .setMemorySwapLimitInBytes(merged.getMemorySwapLimitInBytes());
        }
        return new ResourceChange(merged, apply.build());
    }
}
