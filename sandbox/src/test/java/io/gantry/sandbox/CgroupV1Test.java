package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.linux.MountInfo;
import io.gantry.sandbox.Resources.DeviceRule;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** On the machine's own cgroups of version 1. A machine with version 2 alone cannot run these. */
@Tag("privileged")
class CgroupV1Test {
    private final String parent = "/gantry-test-" + UUID.randomUUID();
    private Cgroups cgroups;
    private Path memory;
    private Path cpu;

    @BeforeEach
    void detect() throws Exception {
        cgroups = Cgroups.detect(Cgroups.Driver.CGROUPFS);
        assertThat(cgroups.version()).as("these tests need cgroup v1").isEqualTo(1);
        memory = mountOf("memory").resolve(parent.substring(1));
        cpu = mountOf("cpu").resolve(parent.substring(1));
    }

    private static Path mountOf(String controller) throws Exception {
        return MountInfo.self().stream()
                .filter(mount ->
                        mount.type().equals("cgroup") && mount.superOptions().contains(controller))
                .map(mount -> Path.of(mount.target()))
                .findFirst()
                .orElseThrow();
    }

    @AfterEach
    void remove() throws Exception {
        cgroups.open(parent, "").remove();
        for (MountInfo mount : MountInfo.self()) {
            if (mount.type().startsWith("cgroup")) {
                assertThat(Path.of(mount.target() + parent)).doesNotExist();
            }
        }
    }

    private static String read(Path file) throws Exception {
        return Files.readString(file).strip();
    }

    @Test
    void createsAGroupInEveryHierarchyWithItsLimits() throws Exception {
        Cgroup group = cgroups.create(
                parent + "/pod",
                "c1",
                FirstProcess.NONE,
                Resources.builder()
                        .cpuShares(512)
                        .cpuPeriod(50_000)
                        .cpuQuota(25_000)
                        .memoryLimit(64 << 20)
                        .memorySwapLimit(96 << 20)
                        .pidsLimit(100)
                        .cpusetCpus("0")
                        .cpusetMems("0")
                        .devices(List.of(new DeviceRule('c', 1, 3, "rwm"), new DeviceRule('b', -1, -1, "m")))
                        .build());

        assertThat(read(cpu.resolve("pod/c1/cpu.shares"))).isEqualTo("512");
        assertThat(read(cpu.resolve("pod/c1/cpu.cfs_period_us"))).isEqualTo("50000");
        assertThat(read(cpu.resolve("pod/c1/cpu.cfs_quota_us"))).isEqualTo("25000");
        assertThat(read(memory.resolve("pod/c1/memory.limit_in_bytes"))).isEqualTo("67108864");
        assertThat(read(memory.resolve("pod/c1/memory.memsw.limit_in_bytes"))).isEqualTo("100663296");
        assertThat(read(mountOf("pids").resolve(group.path()).resolve("pids.max")))
                .isEqualTo("100");
        assertThat(read(mountOf("cpuset").resolve(group.path()).resolve("cpuset.cpus")))
                .isEqualTo("0");
        assertThat(read(mountOf("devices").resolve(group.path()).resolve("devices.list")))
                .isEqualTo("c 1:3 rwm\nb *:* m");
        assertThat(group.exists()).isTrue();
        assertThat(group.path()).isEqualTo(parent.substring(1) + "/pod/c1");

        CgroupStats stats = group.stats();
        assertThat(stats.memoryLimit()).isEqualTo(64 << 20);
        assertThat(stats.swapLimit()).isEqualTo(32 << 20);
        assertThat(stats.pidsLimit()).isEqualTo(100);
        assertThat(group.oomKills()).isZero();
        group.remove();
        assertThat(group.exists()).isFalse();
    }

    @Test
    void withoutLimitsAGroupHasItsParentsProcessors() throws Exception {
        Cgroup group = cgroups.create(parent + "/a/b", "c", FirstProcess.NONE, Resources.NONE);
        Path cpuset = mountOf("cpuset");
        assertThat(read(cpuset.resolve(group.path()).resolve("cpuset.cpus")))
                .isEqualTo(read(cpuset.resolve("cpuset.cpus")));
        assertThat(read(cpuset.resolve(group.path()).resolve("cpuset.mems")))
                .isEqualTo(read(cpuset.resolve("cpuset.mems")));
        assertThat(read(mountOf("devices").resolve(group.path()).resolve("devices.list")))
                .isEqualTo("a *:* rwm");
        assertThatThrownBy(() -> cgroups.create(parent + "/a/b", "c", FirstProcess.NONE, Resources.NONE))
                .isInstanceOfSatisfying(
                        SandboxException.class,
                        e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.ALREADY_EXISTS));
        assertThat(group.exists()).isTrue();
    }

    @Test
    void aPrivilegedGroupMayUseEveryDevice() throws Exception {
        Cgroup group = cgroups.create(
                parent,
                "c",
                FirstProcess.NONE,
                Resources.builder().devices(List.of(DeviceRule.ALL)).build());
        assertThat(read(mountOf("devices").resolve(group.path()).resolve("devices.list")))
                .isEqualTo("a *:* rwm");
    }

    @Test
    void updatesOnlyWhatIsGiven() throws Exception {
        Cgroup group = cgroups.create(
                parent,
                "c",
                FirstProcess.NONE,
                Resources.builder()
                        .cpuShares(100)
                        .cpuQuota(10_000)
                        .cpuPeriod(100_000)
                        .memoryLimit(32 << 20)
                        .memorySwapLimit(32 << 20)
                        .build());
        group.update(Resources.builder().cpusetCpus("0").build());
        assertThat(read(cpu.resolve("c/cpu.shares"))).isEqualTo("100");
        assertThat(read(cpu.resolve("c/cpu.cfs_quota_us"))).isEqualTo("10000");

        group.update(Resources.builder()
                .memoryLimit(64 << 20)
                .memorySwapLimit(80 << 20)
                .build());
        assertThat(read(memory.resolve("c/memory.limit_in_bytes"))).isEqualTo("67108864");
        assertThat(read(memory.resolve("c/memory.memsw.limit_in_bytes"))).isEqualTo("83886080");
        group.update(Resources.builder()
                .memoryLimit(16 << 20)
                .memorySwapLimit(16 << 20)
                .build());
        assertThat(read(memory.resolve("c/memory.memsw.limit_in_bytes"))).isEqualTo("16777216");
        group.update(Resources.builder().memoryLimit(-1).build());
        assertThat(group.stats().memoryLimit()).isEqualTo(-1);

        group.update(Resources.builder().cpuPeriod(100_000).build());
        assertThat(read(cpu.resolve("c/cpu.cfs_quota_us"))).isEqualTo("-1");
    }

    @Test
    void anUpdateThatIsRefusedChangesNothing() throws Exception {
        Cgroup group = cgroups.create(
                parent,
                "c",
                FirstProcess.NONE,
                Resources.builder().cpuShares(100).memoryLimit(32 << 20).build());
        assertThatThrownBy(() -> group.update(Resources.builder()
                        .memoryLimit(64 << 20)
                        .cpuShares(200)
                        .cpusetCpus("4000")
                        .build()))
                .isInstanceOfSatisfying(
                        SandboxException.class, e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.INVALID))
                .hasMessageContaining("cpuset.cpus to '4000'");
        assertThat(read(cpu.resolve("c/cpu.shares"))).isEqualTo("100");
        assertThat(read(memory.resolve("c/memory.limit_in_bytes"))).isEqualTo("33554432");
    }

    @Test
    void aGroupThatCannotHaveItsLimitsIsNotLeftBehind() {
        assertThatThrownBy(() -> cgroups.create(
                        parent,
                        "c",
                        FirstProcess.NONE,
                        Resources.builder().cpusetCpus("4000").build()))
                .isInstanceOf(SandboxException.class);
        assertThat(memory.resolve("c")).doesNotExist();
        assertThatThrownBy(() -> cgroups.create(
                        parent,
                        "c",
                        FirstProcess.NONE,
                        Resources.builder().unified(Map.of("memory.high", "1")).build()))
                .hasMessageContaining("need cgroup v2");
        assertThat(memory.resolve("c")).doesNotExist();
    }

    @Test
    void hugepageLimits() throws Exception {
        // The kubelet names every size that the machine has, mostly with 0, whether they can be limited or not.
        Cgroup group = cgroups.create(
                parent,
                "c",
                FirstProcess.NONE,
                Resources.builder()
                        .hugepages(Map.of("2MB", 0L, "1GB", 0L, "64KB", 0L))
                        .build());
        assertThat(group.exists()).isTrue();
        assertThatThrownBy(() -> cgroups.create(
                        parent,
                        "d",
                        FirstProcess.NONE,
                        Resources.builder().hugepages(Map.of("16KB", 1L << 30)).build()))
                .isInstanceOf(SandboxException.class)
                .hasMessageContaining("hugetlb");
        assertThatThrownBy(() -> cgroups.create(
                        parent,
                        "e",
                        FirstProcess.NONE,
                        Resources.builder().hugepages(Map.of("../x", 0L)).build()))
                .hasMessageContaining("'../x' is not a size of huge pages");
    }

    @Test
    void removalKillsWhatIsInsideAndTakesGroupsBelowAlong() throws Exception {
        Cgroup group = cgroups.create(parent, "c", FirstProcess.NONE, Resources.NONE);
        Path kill = group.placement().killGroups().getFirst();
        Path child = Files.createDirectory(kill.resolve("exec-1"));
        Process first = new ProcessBuilder("sleep", "1000").start();
        Process second = new ProcessBuilder("sleep", "1000").start();
        try {
            for (CgroupJoin join : group.placement().joins()) {
                CgroupFiles.write(join.path().resolve("cgroup.procs"), Long.toString(first.pid()));
            }
            CgroupFiles.write(child.resolve("cgroup.procs"), Long.toString(second.pid()));
            assertThat(group.stats().pids()).isEqualTo(1);
            assertThat(CgroupFiles.processes(kill)).containsExactlyInAnyOrder(first.pid(), second.pid());
            group.freeze(true);
            group.freeze(false);

            group.remove();

            assertThat(first.waitFor()).isEqualTo(137);
            assertThat(second.waitFor()).isEqualTo(137);
            assertThat(group.exists()).isFalse();
            group.remove();
        } finally {
            first.destroyForcibly();
            second.destroyForcibly();
        }
        assertThatThrownBy(group::stats)
                .isInstanceOfSatisfying(
                        SandboxException.class, e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.NOT_FOUND));
    }

    @Test
    void killsWithoutTheKernelsHelpToo() throws Exception {
        Cgroup group = cgroups.create(parent, "c", FirstProcess.NONE, Resources.NONE);
        Path pids = mountOf("pids").resolve(group.path());
        Process process = new ProcessBuilder("sleep", "1000").start();
        try {
            CgroupFiles.write(pids.resolve("cgroup.procs"), Long.toString(process.pid()));
            CgroupKill.kill(pids);
            assertThat(process.waitFor()).isEqualTo(137);
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void theShimIsToldOfEveryHierarchy() throws Exception {
        Cgroup group = cgroups.open(parent, "c");
        long hierarchies = MountInfo.self().stream()
                .filter(mount -> mount.type().equals("cgroup"))
                .map(MountInfo::superOptions)
                .distinct()
                .count();
        CgroupPlacement placement = group.placement();
        assertThat(placement.joins().stream().filter(join -> join.version() == 1))
                .hasSize((int) hierarchies);
        assertThat(placement.killGroups()).hasSize(1);
        assertThat(placement.oomCounters())
                .containsExactly(new CgroupPlacement.OomCounter(memory.resolve("c/memory.oom_control"), "oom_kill"));
    }
}
