package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.linux.MountInfo;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written to which file, on plain files, since version 2 has few controllers on a hybrid machine; and what works on the real thing there. */
class CgroupV2Test {
    @TempDir
    Path folder;

    private CgroupV2Group group;

    @BeforeEach
    void files() throws Exception {
        group = new CgroupV2Group(folder, "pod/c");
        Path leaf = Files.createDirectories(folder.resolve("pod/c"));
        for (String file : List.of(
                "cpu.weight",
                "cpu.max",
                "memory.max",
                "memory.swap.max",
                "pids.max",
                "cpuset.cpus",
                "cpuset.mems",
                "hugetlb.2MB.max",
                "hugetlb.2MB.rsvd.max",
                "memory.oom.group")) {
            Files.createFile(leaf.resolve(file));
        }
    }

    private String read(String file) throws Exception {
        return Files.readString(folder.resolve("pod/c").resolve(file));
    }

    private void apply(Resources resources) throws Exception {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder.resolve("pod/c"), "*.*")) {
            for (Path file : files) {
                Files.writeString(file, "");
            }
        }
        group.apply(resources, new CgroupChange(false));
    }

    @Test
    void everyLimitHasItsFile() throws Exception {
        apply(Resources.builder()
                .cpuShares(1024)
                .cpuQuota(20_000)
                .cpuPeriod(100_000)
                .memoryLimit(1000)
                .memorySwapLimit(1500)
                .pidsLimit(7)
                .cpusetCpus("0-1")
                .cpusetMems("0")
                .hugepages(Map.of("2MB", 4096L, "1GB", 0L))
                .unified(Map.of("memory.oom.group", "1"))
                .build());
        assertThat(read("cpu.weight")).isEqualTo("100");
        assertThat(read("cpu.max")).isEqualTo("20000 100000");
        assertThat(read("memory.max")).isEqualTo("1000");
        assertThat(read("memory.swap.max")).isEqualTo("500");
        assertThat(read("pids.max")).isEqualTo("7");
        assertThat(read("cpuset.cpus")).isEqualTo("0-1");
        assertThat(read("cpuset.mems")).isEqualTo("0");
        assertThat(read("hugetlb.2MB.max")).isEqualTo("4096");
        assertThat(read("hugetlb.2MB.rsvd.max")).isEqualTo("4096");
        assertThat(read("memory.oom.group")).isEqualTo("1");
    }

    @Test
    void unlimitedAndUnset() throws Exception {
        apply(Resources.builder().cpuQuota(-1).cpuPeriod(100_000).build());
        assertThat(read("cpu.max")).isEqualTo("max 100000");
        apply(Resources.builder().cpuPeriod(50_000).build());
        assertThat(read("cpu.max")).isEqualTo("max 50000");
        apply(Resources.builder().memoryLimit(-1).pidsLimit(-1).build());
        assertThat(read("memory.max")).isEqualTo("max");
        assertThat(read("memory.swap.max")).isEqualTo("max");
        assertThat(read("pids.max")).isEqualTo("max");
        apply(Resources.builder().memoryLimit(10).memorySwapLimit(10).build());
        assertThat(read("memory.swap.max")).isEqualTo("0");
        apply(Resources.builder().memoryLimit(10).build());
        assertThat(read("memory.swap.max")).isEmpty();
        apply(Resources.NONE);
        assertThat(read("memory.max")).isEmpty();
    }

    @Test
    void aMachineWithoutSwapAccounting() throws Exception {
        Files.delete(folder.resolve("pod/c/memory.swap.max"));
        apply(Resources.builder().memoryLimit(10).memorySwapLimit(20).build());
        assertThat(read("memory.max")).isEqualTo("10");
        assertThat(folder.resolve("pod/c/memory.swap.max")).doesNotExist();
    }

    @Test
    void nonsenseIsRefused() {
        for (Resources resources : List.of(
                Resources.builder().memoryLimit(10).memorySwapLimit(5).build(),
                Resources.builder().memorySwapLimit(5).build(),
                Resources.builder().unified(Map.of("../cpu.max", "1")).build(),
                Resources.builder().unified(Map.of("cgroup/procs", "1")).build(),
                Resources.builder().unified(Map.of("memory.nothing", "1")).build(),
                Resources.builder().hugepages(Map.of("1GB", 1L)).build())) {
            assertThatThrownBy(() -> apply(resources))
                    .as("%s", resources)
                    .isInstanceOfSatisfying(
                            SandboxException.class, e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.INVALID));
        }
    }

    @Test
    void readsUsage() throws Exception {
        Path leaf = folder.resolve("pod/c");
        Files.writeString(leaf.resolve("cpu.stat"), "usage_usec 123\nuser_usec 100\nsystem_usec 23\n");
        Files.writeString(leaf.resolve("memory.current"), "5000\n");
        Files.writeString(
                leaf.resolve("memory.stat"), "anon 700\nfile 20\ninactive_file 1000\npgfault 5\npgmajfault 2\n");
        Files.writeString(leaf.resolve("memory.max"), "max\n");
        Files.writeString(leaf.resolve("memory.swap.current"), "11\n");
        Files.writeString(leaf.resolve("memory.swap.max"), "22\n");
        Files.writeString(leaf.resolve("pids.current"), "3\n");
        Files.writeString(leaf.resolve("pids.max"), "max\n");
        Files.writeString(leaf.resolve("memory.events"), "low 0\noom 2\noom_kill 1\noom_group_kill 0\n");
        Files.writeString(
                leaf.resolve("cpu.pressure"),
                "some avg10=1.50 avg60=2.00 avg300=0.25 total=99\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
        CgroupStats stats = group.stats();
        assertThat(stats.cpuNanos()).isEqualTo(123_000);
        assertThat(stats.workingSet()).isEqualTo(4000);
        assertThat(stats.rss()).isEqualTo(700);
        assertThat(stats.pageFaults()).isEqualTo(5);
        assertThat(stats.majorPageFaults()).isEqualTo(2);
        assertThat(stats.memoryLimit()).isEqualTo(-1);
        assertThat(stats.swapUsage()).isEqualTo(11);
        assertThat(stats.swapLimit()).isEqualTo(22);
        assertThat(stats.pids()).isEqualTo(3);
        assertThat(stats.cpuPressure())
                .isEqualTo(new CgroupStats.Pressure(
                        new CgroupStats.Line(1.5, 2, 0.25, 99), new CgroupStats.Line(0, 0, 0, 7)));
        assertThat(stats.ioPressure()).isNull();
        assertThat(group.oomKills()).isEqualTo(1);
    }

    @Test
    void theShimIsToldOfTheOneGroupAndOfThePodsCounter() {
        assertThat(group.placement())
                .isEqualTo(new CgroupPlacement(
                        List.of(new CgroupJoin(2, folder.resolve("pod/c"))),
                        List.of(folder.resolve("pod/c")),
                        List.of(
                                new CgroupPlacement.OomCounter(folder.resolve("pod/c/memory.events"), "oom_kill"),
                                new CgroupPlacement.OomCounter(folder.resolve("pod/memory.events"), "oom_kill")),
                        folder.resolve("pod/c")));
    }

    @Test
    @Tag("privileged")
    void onTheRealUnifiedHierarchy() throws Exception {
        Path mount = MountInfo.self().stream()
                .filter(info -> info.type().equals("cgroup2"))
                .map(info -> Path.of(info.target()))
                .findFirst()
                .orElseThrow();
        String parent = "gantry-test-" + UUID.randomUUID();
        CgroupV2 cgroups = new CgroupV2(Cgroups.Driver.CGROUPFS, mount);
        Cgroup made = cgroups.create(parent + "/pod", "c", FirstProcess.NONE, Resources.NONE);
        try {
            // Every controller of the root is there down to the pod, for the leaf to use, and in the leaf none is given
            // on.
            assertThat(CgroupFiles.read(mount.resolve(parent + "/pod/cgroup.subtree_control")))
                    .isEqualTo(CgroupFiles.read(mount.resolve(parent + "/pod/c/cgroup.controllers")));
            assertThat(CgroupFiles.read(mount.resolve(parent + "/pod/c/cgroup.subtree_control")))
                    .isEmpty();
            Process process = new ProcessBuilder("sleep", "1000").start();
            CgroupFiles.write(mount.resolve(made.path()).resolve("cgroup.procs"), Long.toString(process.pid()));
            made.freeze(true);
            made.freeze(false);
            assertThat(made.stats().cpuNanos()).isNotNegative();
            made.kill();
            assertThat(process.waitFor()).isEqualTo(137);
        } finally {
            cgroups.open(parent, "").remove();
        }
        assertThat(mount.resolve(parent)).doesNotExist();
    }

    @Test
    @Tag("privileged")
    void devicesAreRestrictedByAProgram() throws Exception {
        Path mount = MountInfo.self().stream()
                .filter(info -> info.type().equals("cgroup2"))
                .map(info -> Path.of(info.target()))
                .findFirst()
                .orElseThrow();
        String parent = "gantry-test-" + UUID.randomUUID();
        CgroupV2 cgroups = new CgroupV2(Cgroups.Driver.CGROUPFS, mount);
        try {
            Cgroup made = cgroups.create(
                    parent,
                    "c",
                    FirstProcess.NONE,
                    Resources.builder()
                            .devices(List.of(
                                    new Resources.DeviceRule('c', 1, 3, "rwm"),
                                    new Resources.DeviceRule('c', 1, 5, "r"),
                                    new Resources.DeviceRule('c', 5, -1, "rw"),
                                    new Resources.DeviceRule('b', -1, -1, "m")))
                            .build());
            // null rw, zero r, zero w, full r, make a block device, make a character device; each tells whether it may.
            String script = "echo 0 > '" + mount.resolve(made.path()) + "/cgroup.procs'; cd '" + folder + "';"
                    + " t() { if \"$@\" 2>&-; then printf y; else printf n; fi; };"
                    + " t sh -c ': <>/dev/null'; t sh -c ': </dev/zero'; t sh -c ': >/dev/zero'; t sh -c ': </dev/full';"
                    + " t mknod block b 7 99; t mknod char c 7 99; t mknod null c 1 3";
            Process shell = new ProcessBuilder("sh", "-c", script).start();
            assertThat(new String(shell.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8))
                    .isEqualTo("yynnyny");
            shell.waitFor();
        } finally {
            cgroups.open(parent, "").remove();
        }
    }
}
