package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.CgroupDriver;
import io.gantry.cri.v1.ContainerStats;
import io.gantry.cri.v1.ContainerStatsFilter;
import io.gantry.cri.v1.ContainerStatsRequest;
import io.gantry.cri.v1.ContainerStatus;
import io.gantry.cri.v1.LinuxContainerResources;
import io.gantry.cri.v1.LinuxPodSandboxStats;
import io.gantry.cri.v1.ListContainerStatsRequest;
import io.gantry.cri.v1.ListPodSandboxStatsRequest;
import io.gantry.cri.v1.PodSandboxStats;
import io.gantry.cri.v1.PodSandboxStatsRequest;
import io.gantry.cri.v1.PodSandboxStatusRequest;
import io.gantry.cri.v1.UpdateContainerResourcesRequest;
import io.gantry.cri.v1.UpdatePodSandboxResourcesRequest;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

@BlackBox
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ResourcesTest {
    private static final long MIB = 1 << 20;

    private final Cri cri;
    private final TestPod pod;

    ResourcesTest(Cri cri) {
        this.cri = cri;
        this.pod = TestPod.runOnHostNetwork(cri);
    }

    @AfterAll
    void removePod() {
        pod.close();
    }

    private String run(LinuxContainerResources.Builder resources) {
        return pod.runIdle(config -> config.getLinuxBuilder().setResources(resources));
    }

    @Test
    void limitsAreInTheGroupsFiles() {
        String id = run(LinuxContainerResources.newBuilder()
                .setCpuPeriod(100_000)
                .setCpuQuota(25_000)
                .setCpuShares(512)
                .setMemoryLimitInBytes(64 * MIB)
                .setCpusetCpus("0"));
        long pid = cri.pidOf(id);
        assertThat(Cgroups.read(pid, "memory", "memory.limit_in_bytes", "memory.max"))
                .isEqualTo(Long.toString(64 * MIB));
        assertThat(Cgroups.read(pid, "cpuset", "cpuset.cpus", "cpuset.cpus")).isEqualTo("0");
        if (Cgroups.V2) {
            assertThat(Cgroups.read(pid, "cpu", "", "cpu.max")).isEqualTo("25000 100000");
        } else {
            assertThat(Cgroups.read(pid, "cpu", "cpu.cfs_quota_us", "")).isEqualTo("25000");
            assertThat(Cgroups.read(pid, "cpu", "cpu.cfs_period_us", "")).isEqualTo("100000");
            assertThat(Cgroups.read(pid, "cpu", "cpu.shares", "")).isEqualTo("512");
        }
        LinuxContainerResources told = cri.status(id).getResources().getLinux();
        assertThat(told.getMemoryLimitInBytes()).isEqualTo(64 * MIB);
        assertThat(told.getCpuQuota()).isEqualTo(25_000);
        assertThat(told.getCpuShares()).isEqualTo(512);
    }

    @Test
    void everyProcessIsInALeafBelowTheGivenParent() throws IOException {
        boolean systemd = cri.cgroupDriver() == CgroupDriver.SYSTEMD;
        try (TestPod parented = TestPod.run(cri, config -> {
            TestPod.hostNetwork(config);
            config.getLinuxBuilder().setCgroupParent(systemd ? "/gantryblackbox.slice" : "/gantryblackbox");
        })) {
            String id = parented.runIdle();
            Path group = Cgroups.group(cri.pidOf(id), "memory");
            assertThat(group.toString())
                    .endsWith(systemd ? "/gantryblackbox.slice/gantry-" + id + ".scope" : "/gantryblackbox/" + id);
            assertThat(Files.readString(group.resolveSibling("cgroup.procs"))).isEmpty();
        } finally {
            // The parent is the kubelet's to remove, and here ours.
            if (systemd) {
                DaemonUnderTest.execute(List.of("systemctl", "stop", "gantryblackbox.slice"));
            } else {
                removeGroups(Path.of("/sys/fs/cgroup"));
            }
        }
    }

    private static void removeGroups(Path root) throws IOException {
        try (var hierarchies = Files.list(root)) {
            for (Path hierarchy : Cgroups.V2 ? List.of(root) : hierarchies.toList()) {
                Files.deleteIfExists(hierarchy.resolve("gantryblackbox"));
            }
        }
    }

    @Test
    void tooMuchMemoryIsToldAsOomKilled() {
        ContainerStatus status = pod.runShell(
                        "exec dd if=/dev/zero of=/dev/null bs=40M count=1",
                        config -> config.getLinuxBuilder()
                                .setResources(LinuxContainerResources.newBuilder()
                                        .setMemoryLimitInBytes(16 * MIB)
                                        .setMemorySwapLimitInBytes(16 * MIB)))
                .status();
        assertThat(status.getReason()).isEqualTo("OOMKilled");
        assertThat(status.getExitCode()).isEqualTo(137);
    }

    @Test
    void anUpdateChangesWhatItNamesAndNothingElse() {
        String id = run(LinuxContainerResources.newBuilder()
                .setCpuPeriod(100_000)
                .setCpuQuota(50_000)
                .setCpuShares(512)
                .setMemoryLimitInBytes(64 * MIB));
        long pid = cri.pidOf(id);
        update(id, LinuxContainerResources.newBuilder().setMemoryLimitInBytes(96 * MIB));
        assertThat(Cgroups.read(pid, "memory", "memory.limit_in_bytes", "memory.max"))
                .isEqualTo(Long.toString(96 * MIB));
        LinuxContainerResources told = cri.status(id).getResources().getLinux();
        assertThat(told.getMemoryLimitInBytes()).isEqualTo(96 * MIB);
        assertThat(told.getCpuQuota()).isEqualTo(50_000);
        assertThat(told.getCpuShares()).isEqualTo(512);
        assertThat(Cri.failureOf(() -> update("0".repeat(64), LinuxContainerResources.newBuilder()))
                        .getCode())
                .isEqualTo(Status.Code.NOT_FOUND);
    }

    @Test
    void anUpdateThatIsRefusedChangesNothing() {
        String id = run(LinuxContainerResources.newBuilder()
                .setCpuPeriod(100_000)
                .setCpuQuota(50_000)
                .setMemoryLimitInBytes(64 * MIB));
        long pid = cri.pidOf(id);
        Status refused = Cri.failureOf(() -> update(
                id,
                LinuxContainerResources.newBuilder()
                        .setMemoryLimitInBytes(96 * MIB)
                        .setCpusetCpus("4000")));
        assertThat(refused.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(refused.getDescription()).contains("4000");
        assertThat(Cgroups.read(pid, "memory", "memory.limit_in_bytes", "memory.max"))
                .isEqualTo(Long.toString(64 * MIB));
        assertThat(cri.status(id).getResources().getLinux().getMemoryLimitInBytes())
                .isEqualTo(64 * MIB);
    }

    @Test
    void aCreatedContainerCanBeUpdatedAndAnExitedOneCannot() {
        String id = pod.create(pod.container(TestPod.BUSYBOX, "true"));
        update(id, LinuxContainerResources.newBuilder().setCpuShares(300));
        assertThat(cri.status(id).getResources().getLinux().getCpuShares()).isEqualTo(300);
        cri.startAndWait(id);
        assertThat(Cri.failureOf(() ->
                                update(id, LinuxContainerResources.newBuilder().setCpuShares(400)))
                        .getCode())
                .isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(cri.status(id).getResources().getLinux().getCpuShares()).isEqualTo(300);
    }

    @Test
    void whatAPodWasLastToldOfItsResourcesIsKept() {
        cri.runtime()
                .updatePodSandboxResources(UpdatePodSandboxResourcesRequest.newBuilder()
                        .setPodSandboxId(pod.id())
                        .setResources(LinuxContainerResources.newBuilder().setCpuShares(777))
                        .build());
        assertThat(cri.runtime()
                        .podSandboxStatus(PodSandboxStatusRequest.newBuilder()
                                .setPodSandboxId(pod.id())
                                .setVerbose(true)
                                .build())
                        .getInfoOrThrow("info"))
                .contains("\"cpu_shares\":\"777\"");
        assertThat(Cri.failureOf(() -> cri.runtime()
                                .updatePodSandboxResources(UpdatePodSandboxResourcesRequest.newBuilder()
                                        .setPodSandboxId("0".repeat(64))
                                        .build()))
                        .getCode())
                .isEqualTo(Status.Code.NOT_FOUND);
    }

    private String update(String id, LinuxContainerResources.Builder resources) {
        cri.runtime()
                .updateContainerResources(UpdateContainerResourcesRequest.newBuilder()
                        .setContainerId(id)
                        .setLinux(resources)
                        .build());
        return id;
    }

    @Test
    void theOomScoreIsTheOneAskedFor() throws IOException {
        String id = run(LinuxContainerResources.newBuilder().setOomScoreAdj(500));
        assertThat(Files.readString(Path.of("/proc/" + cri.pidOf(id) + "/oom_score_adj"))
                        .strip())
                .isEqualTo("500");
    }

    @Test
    void statsAdvanceAndCountWhatWasWritten() {
        String id = pod.runIdle(config -> config.putLabels("stats", "here"));
        String written = cri.shell(id, "dd if=/dev/zero of=/big bs=1M count=4 2>/dev/null; echo ok");
        assertThat(written).isEqualTo("ok");
        ContainerStats first = stats(id);
        assertThat(first.getAttributes().getId()).isEqualTo(id);
        assertThat(first.getAttributes().getLabelsMap()).containsEntry("stats", "here");
        assertThat(first.getCpu().getTimestamp()).isPositive();
        assertThat(first.getCpu().getUsageCoreNanoSeconds().getValue()).isPositive();
        assertThat(first.getMemory().getTimestamp()).isPositive();
        assertThat(first.getMemory().getWorkingSetBytes().getValue()).isPositive();
        assertThat(first.getWritableLayer().getUsedBytes().getValue()).isGreaterThanOrEqualTo(4 * MIB);
        assertThat(first.getWritableLayer().getInodesUsed().getValue()).isPositive();
        String busy = cri.shell(id, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo ok");
        assertThat(busy).isEqualTo("ok");
        ContainerStats second = stats(id);
        assertThat(second.getCpu().getTimestamp()).isGreaterThan(first.getCpu().getTimestamp());
        assertThat(second.getCpu().getUsageCoreNanoSeconds().getValue())
                .isGreaterThan(first.getCpu().getUsageCoreNanoSeconds().getValue());
        assertThat(listStats(ContainerStatsFilter.newBuilder().putLabelSelector("stats", "here")))
                .containsExactly(id);
        assertThat(listStats(ContainerStatsFilter.newBuilder().putLabelSelector("stats", "there")))
                .isEmpty();
        assertThat(Cri.failureOf(() -> stats("0".repeat(64))).getCode()).isEqualTo(Status.Code.NOT_FOUND);
    }

    private ContainerStats stats(String id) {
        return cri.runtime()
                .containerStats(
                        ContainerStatsRequest.newBuilder().setContainerId(id).build())
                .getStats();
    }

    private List<String> listStats(ContainerStatsFilter.Builder filter) {
        return cri
                .runtime()
                .listContainerStats(
                        ListContainerStatsRequest.newBuilder().setFilter(filter).build())
                .getStatsList()
                .stream()
                .map(stats -> stats.getAttributes().getId())
                .toList();
    }

    @Test
    void podStatsTellNetworkProcessesAndContainers() {
        try (TestPod networked = TestPod.run(cri)) {
            String id = networked.runIdle();
            PodSandboxStats stats = cri.runtime()
                    .podSandboxStats(PodSandboxStatsRequest.newBuilder()
                            .setPodSandboxId(networked.id())
                            .build())
                    .getStats();
            assertThat(stats.getAttributes().getId()).isEqualTo(networked.id());
            assertThat(stats.getAttributes().getMetadata())
                    .isEqualTo(networked.sandboxConfig().getMetadata());
            LinuxPodSandboxStats linux = stats.getLinux();
            assertThat(linux.getCpu().getUsageCoreNanoSeconds().getValue()).isPositive();
            assertThat(linux.getMemory().getWorkingSetBytes().getValue()).isPositive();
            assertThat(linux.getNetwork().getDefaultInterface().getName()).isEqualTo("eth0");
            assertThat(linux.getProcess().getProcessCount().getValue()).isPositive();
            assertThat(linux.getContainersList())
                    .extracting(container -> container.getAttributes().getId())
                    .containsExactly(id);
            assertThat(cri
                            .runtime()
                            .listPodSandboxStats(ListPodSandboxStatsRequest.getDefaultInstance())
                            .getStatsList()
                            .stream()
                            .map(each -> each.getAttributes().getId()))
                    .contains(networked.id());
        }
    }
}
