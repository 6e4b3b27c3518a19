package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.HugepageLimit;
import io.gantry.cri.v1.LinuxContainerResources;
import org.junit.jupiter.api.Test;

class ResourceChangeTest {
    private static final LinuxContainerResources PRESENT = LinuxContainerResources.newBuilder()
            .setCpuPeriod(100_000)
            .setCpuQuota(50_000)
            .setCpuShares(512)
            .setMemoryLimitInBytes(64)
            .setMemorySwapLimitInBytes(96)
            .setOomScoreAdj(7)
            .setCpusetCpus("0-1")
            .addHugepageLimits(HugepageLimit.newBuilder().setPageSize("2MB").setLimit(1))
            .addHugepageLimits(HugepageLimit.newBuilder().setPageSize("1GB").setLimit(2))
            .putUnified("memory.high", "9")
            .build();

    @Test
    void whatIsNotNamedStaysAndIsNotWritten() {
        ResourceChange change = ResourceChange.of(
                PRESENT,
                LinuxContainerResources.newBuilder()
                        .setCpusetCpus("0")
                        .setOomScoreAdj(100)
                        .build());
        assertThat(change.merged())
                .isEqualTo(PRESENT.toBuilder().setCpusetCpus("0").build());
        assertThat(change.toApply().getCpuQuota()).isZero();
        assertThat(change.toApply().getMemoryLimitInBytes()).isZero();
        assertThat(change.toApply().getCpusetCpus()).isEqualTo("0");
    }

    @Test
    void aPeriodKeepsItsQuota() {
        ResourceChange change = ResourceChange.of(
                PRESENT,
                LinuxContainerResources.newBuilder().setCpuPeriod(50_000).build());
        assertThat(change.toApply().getCpuPeriod()).isEqualTo(50_000);
        assertThat(change.toApply().getCpuQuota()).isEqualTo(50_000);
        assertThat(change.toApply().getCpuShares()).isZero();
    }

    @Test
    void memoryGoesWithWhatItSharesWithSwap() {
        ResourceChange change = ResourceChange.of(
                PRESENT,
                LinuxContainerResources.newBuilder().setMemoryLimitInBytes(80).build());
        assertThat(change.toApply().getMemoryLimitInBytes()).isEqualTo(80);
        assertThat(change.toApply().getMemorySwapLimitInBytes()).isEqualTo(96);
        assertThat(change.merged().getMemorySwapLimitInBytes()).isEqualTo(96);
    }

    @Test
    void hugePagesAndUnifiedFilesAreMergedByName() {
        ResourceChange change = ResourceChange.of(
                PRESENT,
                LinuxContainerResources.newBuilder()
                        .addHugepageLimits(
                                HugepageLimit.newBuilder().setPageSize("2MB").setLimit(5))
                        .putUnified("memory.low", "3")
                        .build());
        assertThat(change.merged().getHugepageLimitsList())
                .extracting(HugepageLimit::getPageSize, HugepageLimit::getLimit)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple("2MB", 5L), org.assertj.core.groups.Tuple.tuple("1GB", 2L));
        assertThat(change.merged().getUnifiedMap()).hasSize(2).containsEntry("memory.low", "3");
        assertThat(change.toApply().getHugepageLimitsCount()).isEqualTo(1);
    }
}
