package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.ContainerStats;
import io.gantry.cri.v1.ContainerStatsRequest;
import io.gantry.cri.v1.CpuUsage;
import io.gantry.cri.v1.LinuxContainerResources;
import io.gantry.cri.v1.LinuxPodSandboxStats;
import io.gantry.cri.v1.NetworkInterfaceUsage;
import io.gantry.cri.v1.PodSandboxStatsRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What stats say, compared with what was really used. */
@BlackBox
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StatsTest {
    private static final long MIB = 1 << 20;

    private final Cri cri;
    private final TestPod pod;

    StatsTest(Cri cri) {
        this.cri = cri;
        this.pod = TestPod.run(cri);
    }

    @AfterAll
    void removePod() {
        pod.close();
    }

    private ContainerStats of(String id) {
        return cri.runtime()
                .containerStats(
                        ContainerStatsRequest.newBuilder().setContainerId(id).build())
                .getStats();
    }

    private LinuxPodSandboxStats ofPod() {
        return cri.runtime()
                .podSandboxStats(PodSandboxStatsRequest.newBuilder()
                        .setPodSandboxId(pod.id())
                        .build())
                .getStats()
                .getLinux();
    }

    @Test
    void theCpuRateIsWhatWasUsedBetweenTwoLooks() {
        String id = pod.runIdle(config -> config.clearCommand()
                .addCommand("sh")
                .addCommand("-c")
                .addCommand("while :; do :; done")
                .getLinuxBuilder()
                .setResources(LinuxContainerResources.newBuilder()
                        .setCpuPeriod(100_000)
                        .setCpuQuota(20_000)));
        CpuUsage first = of(id).getCpu();
        assertThat(first.hasUsageNanoCores()).as("of one look there is no rate").isFalse();
        Wait.until("a second has passed", () -> of(id).getCpu().hasUsageNanoCores());
        CpuUsage before = of(id).getCpu();
        Wait.until(
                "another second has passed",
                () -> of(id).getCpu().getTimestamp() > before.getTimestamp() + 1_100_000_000L);
        CpuUsage last = of(id).getCpu();
        double rate = last.getUsageNanoCores().getValue();
        assertThat(rate).isPositive();
        double sinceFirst = 1e9
                * (last.getUsageCoreNanoSeconds().getValue()
                        - first.getUsageCoreNanoSeconds().getValue())
                / (last.getTimestamp() - first.getTimestamp());
        // Both are of a container that is kept at a fifth of a CPU, over different times.
        assertThat(rate).isBetween(sinceFirst / 4, sinceFirst * 4);
        cri.stop(id, 0);
    }

    @Test
    void memoryProcessesAndTheWritableLayerAreCounted() {
        String id = pod.runIdle(config -> config.clearCommand()
                .addCommand("sh")
                .addCommand("-c")
                .addCommand(
                        "dd if=/dev/zero of=/dev/shm/held bs=1M count=24 2>/dev/null; dd if=/dev/zero of=/file bs=1M"
                                + " count=3 2>/dev/null; sleep 1000 & sleep 1000 & touch /ready; wait"));
        Wait.until("it holds its memory", () -> cri.shell(id, "ls /").contains("ready"));
        ContainerStats stats = of(id);
        assertThat(stats.getMemory().getWorkingSetBytes().getValue()).isGreaterThan(24 * MIB);
        assertThat(stats.getMemory().getUsageBytes().getValue())
                .isGreaterThanOrEqualTo(stats.getMemory().getWorkingSetBytes().getValue());
        assertThat(stats.getMemory().hasAvailableBytes()).as("without a limit").isFalse();
        assertThat(stats.getWritableLayer().getUsedBytes().getValue()).isBetween(3 * MIB, 4 * MIB);
        assertThat(Path.of(stats.getWritableLayer().getFsId().getMountpoint())).isDirectory();
        LinuxPodSandboxStats all = ofPod();
        assertThat(all.getMemory().getWorkingSetBytes().getValue()).isGreaterThan(24 * MIB);
        assertThat(all.getProcess().getProcessCount().getValue()).isGreaterThanOrEqualTo(4);
        cri.stop(id, 0);
    }

    /** Where the kernel tells pressure, it is told on. */
    @Test
    void pressureIsToldWhereTheKernelHasIt() throws IOException {
        String id = pod.runIdle();
        ContainerStats stats = of(id);
        boolean told = Files.exists(unifiedGroup(cri.pidOf(id)).resolve("cpu.pressure"));
        assertThat(stats.getCpu().hasPsi()).isEqualTo(told);
        assertThat(stats.getMemory().hasPsi()).isEqualTo(told);
        assertThat(stats.hasIo()).isEqualTo(told);
        cri.stop(id, 0);
    }

    /** Of version 2, which may stand beside version 1. */
    private static Path unifiedGroup(long pid) throws IOException {
        Path root = Path.of(Cgroups.V2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified");
        return Files.readAllLines(Path.of("/proc/" + pid + "/cgroup")).stream()
                .filter(line -> line.startsWith("0::/"))
                .map(line -> root.resolve(line.substring("0::/".length())))
                .findFirst()
                .orElse(root);
    }

    @Test
    void everyInterfaceIsToldAndEth0IsTheDefault() {
        String id = pod.runIdle();
        String netns = "--net=/proc/" + cri.pidOf(id) + "/ns/net";
        DaemonUnderTest.execute(List.of("nsenter", netns, "ip", "link", "add", "aaa0", "type", "veth", "peer", "aab0"));
        DaemonUnderTest.execute(List.of("nsenter", netns, "ip", "link", "set", "aaa0", "up"));
        long before = ofPod().getNetwork().getDefaultInterface().getTxBytes().getValue();
        // To an address of the pod's network, where the packets leave by eth0.
        cri.shell(id, "ping -c 3 -W 1 $(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p') >/dev/null; true");
        LinuxPodSandboxStats stats = ofPod();
        assertThat(stats.getNetwork().getDefaultInterface().getName()).isEqualTo("eth0");
        assertThat(stats.getNetwork().getDefaultInterface().getTxBytes().getValue())
                .isGreaterThan(before);
        // Some kernels put tunnel devices into every namespace.
        List<String> others = Stream.of(cri.shell(id, "ls /sys/class/net").split("\\s+"))
                .filter(name -> !name.equals("lo") && !name.equals("eth0"))
                .toList();
        assertThat(others).contains("aaa0", "aab0");
        assertThat(stats.getNetwork().getInterfacesList())
                .extracting(NetworkInterfaceUsage::getName)
                .containsExactlyInAnyOrderElementsOf(others);
        DaemonUnderTest.execute(List.of("nsenter", netns, "ip", "link", "delete", "aaa0"));
        cri.stop(id, 0);
    }
}
