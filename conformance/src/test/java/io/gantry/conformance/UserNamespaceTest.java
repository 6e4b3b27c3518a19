package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.ContainerStatsRequest;
import io.gantry.cri.v1.Device;
import io.gantry.cri.v1.IDMapping;
import io.gantry.cri.v1.LinuxContainerSecurityContext;
import io.gantry.cri.v1.Mount;
import io.gantry.cri.v1.NamespaceMode;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.cri.v1.SecurityProfile;
import io.gantry.cri.v1.StatusRequest;
import io.gantry.cri.v1.StatusResponse;
import io.gantry.cri.v1.UserNamespace;
import io.grpc.Status;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Pods whose users are nobody on the host. */
@BlackBox
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UserNamespaceTest {
    private static final IDMapping UIDS = mapping(0, 1_000_000, 65_536);
    private static final IDMapping GIDS = mapping(0, 2_000_000, 65_536);

    private final Cri cri;
    private final TestPod pod;

    UserNamespaceTest(Cri cri) {
        this.cri = cri;
        this.pod = TestPod.run(cri, config -> {
            contained(config);
            TestPod.security(config, security -> security.setPrivileged(true));
            config.getLinuxBuilder()
                    .putSysctls("net.ipv4.ping_group_range", "0 65535")
                    .putSysctls("kernel.shm_rmid_forced", "1");
        });
    }

    @AfterAll
    void removePod() {
        pod.close();
    }

    private static IDMapping mapping(int container, int host, int length) {
        return IDMapping.newBuilder()
                .setContainerId(container)
                .setHostId(host)
                .setLength(length)
                .build();
    }

    private static UserNamespace.Builder userNamespace() {
        return UserNamespace.newBuilder()
                .setMode(NamespaceMode.POD)
                .addUids(UIDS)
                .addGids(GIDS);
    }

    static void contained(PodSandboxConfig.Builder config) {
        TestPod.security(
                config, security -> security.getNamespaceOptionsBuilder().setUsernsOptions(userNamespace()));
    }

    private static Mount mount(Path host, String container, boolean mapped) {
        Mount.Builder mount = Mount.newBuilder().setHostPath(host.toString()).setContainerPath(container);
        return mapped ? mount.addUidMappings(UIDS).addGidMappings(GIDS).build() : mount.build();
    }

    private static String owner(Path file) throws IOException {
        return Files.getAttribute(file, "unix:uid") + ":" + Files.getAttribute(file, "unix:gid");
    }

    private static String status(long pid, String key) throws IOException {
        return Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
                .filter(line -> line.startsWith(key + ":"))
                .findFirst()
                .orElse("none");
    }

    @Test
    void theNodeSaysThatItCan() {
        StatusResponse status = cri.runtime().status(StatusRequest.getDefaultInstance());
        assertThat(status.getRuntimeHandlersList())
                .isNotEmpty()
                .allSatisfy(handler ->
                        assertThat(handler.getFeatures().getUserNamespaces()).isTrue());
        assertThat(status.getFeatures().getUserNamespacesHostNetwork()).isTrue();
    }

    @Test
    void rootInsideIsNobodyOutside() throws IOException {
        String container = pod.runIdle();
        long pid = cri.pidOf(container);
        assertThat(status(pid, "Uid")).isEqualTo("Uid:\t1000000\t1000000\t1000000\t1000000");
        assertThat(status(pid, "Gid")).isEqualTo("Gid:\t2000000\t2000000\t2000000\t2000000");
        assertThat(Files.readString(Path.of("/proc/" + pid + "/uid_map"))
                        .strip()
                        .split("\\s+"))
                .containsExactly("0", "1000000", "65536");
        assertThat(cri.shell(container, "id -u; cat /proc/self/uid_map").split("\\s+"))
                .containsExactly("0", "0", "1000000", "65536");
        assertThat(cri.shell(container, "cat /proc/self/gid_map").split("\\s+"))
                .containsExactly("", "0", "2000000", "65536");
    }

    @Test
    void theImageBelongsToRootInside() {
        String container = pod.runIdle();
        assertThat(cri.shell(
                        container,
                        "stat -c %u:%g / /bin/busybox /etc /dev/null /dev/shm /etc/hosts /etc/hostname /etc/resolv.conf"
                                + " /dev/pts /proc/self/status | sort -u"))
                .isEqualTo("0:0");
        assertThat(cri.shell(
                        container, "echo x > /new && echo x >> /etc/passwd && chown 5:6 /new && stat -c %u:%g /new"))
                .isEqualTo("5:6");
        assertThat(cri.shell(container, "echo x > /dev/null && head -c 3 /dev/zero | wc -c"))
                .isEqualTo("3");
        assertThat(cri.shell(container, "echo x >> /etc/hosts && tail -n 1 /etc/hosts && echo y > /dev/stderr"))
                .isEqualTo("x");
    }

    @Test
    void volumesAreMapped(@TempDir Path folder) throws IOException {
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
        Path data = Files.createDirectories(folder.resolve("data"));
        Path log = Files.createFile(folder.resolve("termination-log"));
        Files.writeString(data.resolve("file"), "of the host");
        Files.setAttribute(data.resolve("file"), "unix:uid", 1234);
        TestPod.Finished finished = pod.runShell(
                "stat -c %u:%g /data /data/file /plain; echo y > /data/new; chown 7:8 /data/new; echo bye > /dev/termination-log;"
                        + " touch /plain/x || echo refused",
                config -> config.addMounts(mount(data, "/data", true))
                        .addMounts(mount(data, "/plain", false))
                        .addMounts(mount(log, "/dev/termination-log", true)));
        assertThat(finished.stdout().lines()).containsExactly("0:0", "1234:0", "65534:65534", "refused");
        assertThat(owner(data.resolve("new"))).isEqualTo("7:8");
        assertThat(log).hasContent("bye");
        assertThat(finished.status().getMountsList()).hasSize(3).first().satisfies(seen -> {
            assertThat(seen.getUidMappingsList()).containsExactly(UIDS);
            assertThat(seen.getGidMappingsList()).containsExactly(GIDS);
        });
    }

    /** Its default profile, like that of the peers, forbids mounts and further user namespaces. */
    private static LinuxContainerSecurityContext.Builder withoutAppArmor(ContainerConfig.Builder config) {
        return config.getLinuxBuilder()
                .getSecurityContextBuilder()
                .setApparmor(SecurityProfile.newBuilder().setProfileType(SecurityProfile.ProfileType.Unconfined));
    }

    @Test
    void rootInsideRulesItsPodAndNothingElse() throws IOException {
        String container = pod.runIdle(
                config -> withoutAppArmor(config).getCapabilitiesBuilder().addAddCapabilities("ALL"));
        // Its own network, host name and mounts.
        assertThat(cri.shell(
                        container,
                        "ip addr add 192.0.2.77/32 dev lo && ip -o addr show lo | grep -c 192.0.2.77; mkdir /m && mount -t tmpfs x /m && echo mounted;"
                                + " cat /proc/sys/net/ipv4/ping_group_range /proc/sys/kernel/shm_rmid_forced"))
                .isEqualTo("1\nmounted\n0\t65535\n1");
        // Not the machine's.
        for (String line : List.of(
                "mknod /d c 1 1",
                "echo 1 > /proc/sys/vm/swappiness",
                "echo x > /proc/sys/kernel/core_pattern",
                "nice -n -5 true")) {
            assertThat(cri.execSync(container, 10, "sh", "-c", line).getExitCode())
                    .as(line)
                    .isNotZero();
        }
        assertThat(cri.shell(container, "grep CapEff /proc/self/status")).doesNotContain("0000000000000000");
        // A set-user-id program of its making is nobody's on the host.
        assertThat(cri.shell(container, "cp /bin/busybox /suid && chmod 4755 /suid && stat -c %a:%u /suid"))
                .isEqualTo("4755:0");
    }

    @Test
    void otherNamespacesAndUsersWork() throws IOException {
        TestPod.Finished own = pod.runShell("echo $$; id -u; id -g; echo $(id -G); tty || true", config -> {
            var security = config.getLinuxBuilder().getSecurityContextBuilder();
            security.getNamespaceOptionsBuilder().setPid(NamespaceMode.CONTAINER);
            security.getRunAsUserBuilder().setValue(1000);
            security.getRunAsGroupBuilder().setValue(1001);
            security.addSupplementalGroups(1002).setNoNewPrivs(true);
            config.setTty(true);
        });
        assertThat(own.stdout().lines().map(String::strip))
                .containsExactly("1", "1000", "1001", "1001 1002", "/dev/pts/0");
        try (TestPod host = TestPod.run(cri, config -> {
            TestPod.hostNetwork(config);
            contained(config);
            TestPod.security(
                    config,
                    security -> security.setPrivileged(true)
                            .getNamespaceOptionsBuilder()
                            .setPid(NamespaceMode.NODE)
                            .setIpc(NamespaceMode.NODE));
        })) {
            String container = host.runIdle(config ->
                    config.getLinuxBuilder().getSecurityContextBuilder().setPrivileged(true));
            assertThat(status(cri.pidOf(container), "Uid")).startsWith("Uid:\t1000000\t");
            assertThat(cri.shell(
                            container,
                            "ls /sys/class/net | grep -c '^lo$'; test -d /proc/"
                                    + ProcessHandle.current().pid()))
                    .isEqualTo("1");
            assertThat(cri.execSync(container, 10, "sh", "-c", "ip addr add 192.0.2.77/32 dev lo")
                            .getExitCode())
                    .isNotZero();
            assertThat(cri.execSync(
                                    container,
                                    10,
                                    "sh",
                                    "-c",
                                    "kill -0 " + ProcessHandle.current().pid())
                            .getExitCode())
                    .isNotZero();
        }
    }

    @Test
    void aPrivilegedOneIsPrivilegedWithinItsPod() throws IOException {
        String container = pod.runIdle(
                config -> config.getLinuxBuilder().getSecurityContextBuilder().setPrivileged(true));
        assertThat(status(cri.pidOf(container), "Uid")).startsWith("Uid:\t1000000\t");
        assertThat(cri.shell(container, "mkdir /m && mount -t tmpfs x /m && echo mounted; ls /dev | wc -l"))
                .matches("mounted\\n\\d{2,}");
        for (String line : List.of(
                "mkdir /sys/fs/cgroup/*/x",
                "echo 1 > /proc/sys/vm/swappiness",
                "mknod /d b 254 0 && head -c 1 /d",
                // No disk of the host, and no device that only its root may use.
                "cat /dev/loop0 || cat /dev/vda || cat /dev/sda",
                "test -O /dev/tty0")) {
            assertThat(cri.execSync(container, 10, "sh", "-c", line).getExitCode())
                    .as(line)
                    .isNotZero();
        }
        assertThat(cri.shell(
                        container,
                        "stat -c %u /dev/null /dev/zero | sort -u; echo x > /dev/null; head -c 2 /dev/zero | wc -c"))
                .isEqualTo("0\n2");
    }

    @Test
    void protectionsAreWhatTheyAreElsewhere() {
        TestPod.Finished finished = pod.runShell(
                "grep ^Seccomp: /proc/self/status; touch /x || echo read-only; wc -c < /etc/passwd;"
                        + " echo 77 > /proc/sys/net/ipv4/ip_default_ttl || echo read-only; stat -c %u:%g:%t:%T /dev/mine;"
                        + " echo x > /dev/mine || echo full",
                config -> {
                    config.addDevices(Device.newBuilder()
                            .setHostPath("/dev/full")
                            .setContainerPath("/dev/mine")
                            .setPermissions("rw"));
                    config.getLinuxBuilder()
                            .getSecurityContextBuilder()
                            .setReadonlyRootfs(true)
                            .addMaskedPaths("/etc/passwd")
                            .addReadonlyPaths("/proc/sys")
                            .setSeccomp(SecurityProfile.newBuilder()
                                    .setProfileType(SecurityProfile.ProfileType.RuntimeDefault));
                });
        assertThat(finished.stdout().lines())
                .containsExactly("Seccomp:\t2", "read-only", "0", "read-only", "0:0:1:7", "full");
    }

    @Test
    void aDebuggingContainerSeesItsTarget() {
        String target = pod.runIdle(config -> config.getLinuxBuilder()
                .getSecurityContextBuilder()
                .getNamespaceOptionsBuilder()
                .setPid(NamespaceMode.CONTAINER));
        TestPod.Finished finished = pod.runShell(
                "tr '\\0' ' ' < /proc/1/cmdline; kill -0 1 && echo mine",
                config -> config.getLinuxBuilder()
                        .getSecurityContextBuilder()
                        .getNamespaceOptionsBuilder()
                        .setPid(NamespaceMode.TARGET)
                        .setTargetId(target));
        assertThat(finished.stdout()).contains("sleep 3600").endsWith("mine");
    }

    /** What procMount: Unmasked is for. */
    @Test
    void containersCanBeMadeWithin() {
        String container = pod.runIdle(UserNamespaceTest::withoutAppArmor);
        assertThat(cri.shell(
                        container,
                        "unshare -Urmpf sh -c 'mount -t proc proc /proc && mount -t tmpfs x /tmp && echo $$ $(id -u)'"))
                .isEqualTo("1 0");
    }

    @Test
    void imagesAreMappedToo() {
        cri.pull("gantry.test/content:1");
        cri.pull("gantry.test/volume:1");
        TestPod.Finished volume = pod.runShell(
                "stat -c %u:%g /mnt /mnt/data/added; cat /mnt/data/added; /mnt/bin/echo it runs",
                config -> config.addMounts(Mount.newBuilder()
                        .setImage(Cri.image("gantry.test/content:1"))
                        .setContainerPath("/mnt")
                        .setReadonly(true)
                        .addUidMappings(UIDS)
                        .addGidMappings(GIDS)));
        assertThat(volume.stdout().lines()).containsExactly("0:0", "0:0", "added", "it runs");
        // What an image declares to be a volume: a folder with content, and one that it has not.
        TestPod.Finished declared = pod.runToEnd(
                pod.container(
                        "gantry.test/volume:1",
                        "sh",
                        "-c",
                        "stat -c %u:%g /data /data/seed /made/anew; cat /data/seed; touch /data/x /made/anew/x && echo written"));
        assertThat(declared.stdout().lines())
                .containsExactly("1234:2345", "1234:2345", "0:0", "from the image", "written");
    }

    @Test
    void itsNetworkAndFiguresAreReached() throws IOException {
        String container = pod.runIdle(config -> config.clearCommand()
                .addAllCommand(List.of("sh", "-c", "head -c 200000 /dev/zero > /big; tcpsvd 0.0.0.0 7 echo reached")));
        String address = cri.podStatus(pod.id()).getNetwork().getIp();
        Wait.until("it answers on its address", () -> {
            try (Socket socket = new Socket(address, 7)) {
                return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8).startsWith("reached");
            } catch (IOException e) {
                return false;
            }
        });
        try (SpdyConnection connection = Streaming.portForward(cri, pod.id())) {
            StreamChannel error = connection.open("streamtype", "error", "port", "7", "requestid", "0");
            error.end();
            StreamChannel data = connection.open("streamtype", "data", "port", "7", "requestid", "0");
            assertThat(data.text()).startsWith("reached");
            assertThat(error.text()).isEmpty();
        }
        var stats = cri.runtime()
                .containerStats(ContainerStatsRequest.newBuilder()
                        .setContainerId(container)
                        .build())
                .getStats();
        assertThat(stats.getMemory().getWorkingSetBytes().getValue()).isPositive();
        assertThat(stats.getWritableLayer().getUsedBytes().getValue()).isGreaterThan(200_000);
    }

    private Status refused(Consumer<PodSandboxConfig.Builder> change) {
        PodSandboxConfig.Builder config = TestPod.config(cri);
        change.accept(config);
        int before = cri.listPods().size();
        Status status = Cri.failureOf(() -> TestPod.runSandbox(cri, config.build()));
        assertThat(cri.listPods()).hasSize(before);
        return status;
    }

    private Status refusedWith(UserNamespace.Builder options) {
        return refused(config -> TestPod.security(
                config, security -> security.getNamespaceOptionsBuilder().setUsernsOptions(options)));
    }

    @Test
    void podsThatCannotBeAreRefused() {
        for (UserNamespace.Builder options : List.of(
                userNamespace().addUids(mapping(65_536, 3_000_000, 1)),
                userNamespace().clearGids(),
                userNamespace().clearUids().addUids(mapping(1, 1_000_000, 65_536)),
                userNamespace().setMode(NamespaceMode.CONTAINER),
                userNamespace().setMode(NamespaceMode.TARGET),
                userNamespace().setMode(NamespaceMode.NODE))) {
            Status status = refusedWith(options);
            assertThat(status.getCode()).as(status.getDescription()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        }
        // Only the kernel finds it out: nothing is left then either.
        Status status = refused(config -> {
            contained(config);
            config.getLinuxBuilder().putSysctls("net.ipv4.nonsense", "1");
        });
        assertThat(status.getDescription()).contains("nonsense");
    }

    private Status refusedContainer(Consumer<ContainerConfig.Builder> change) {
        cri.pull(TestPod.BUSYBOX);
        ContainerConfig.Builder config = pod.container(TestPod.BUSYBOX, "true");
        change.accept(config);
        int before = cri.listContainers().size();
        Status status = Cri.failureOf(() -> pod.create(config));
        assertThat(cri.listContainers()).hasSize(before);
        assertThat(status.getCode()).as(status.getDescription()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        return status;
    }

    @Test
    void containersThatCannotBeAreRefused() {
        assertThat(refusedContainer(config -> config.getLinuxBuilder()
                                .getSecurityContextBuilder()
                                .getNamespaceOptionsBuilder()
                                .setUsernsOptions(UserNamespace.newBuilder().setMode(NamespaceMode.NODE)))
                        .getDescription())
                .contains("not those of its pod");
        assertThat(refusedContainer(config -> config.getLinuxBuilder()
                                .getSecurityContextBuilder()
                                .getRunAsUserBuilder()
                                .setValue(65_536))
                        .getDescription())
                .contains("user 65536");
        // No file system of the kernel's own has id-mapped mounts.
        assertThat(refusedContainer(config -> config.addMounts(mount(Path.of("/proc/sys"), "/data", true)))
                        .getDescription())
                .contains("/proc/sys", "id-mapped");
        assertThat(refusedContainer(config -> config.addMounts(mount(Path.of("/etc"), "/data", true).toBuilder()
                                .clearGidMappings()))
                        .getDescription())
                .contains("not those of the pod");
        try (TestPod plain = TestPod.runOnHostNetwork(cri)) {
            ContainerConfig.Builder config =
                    plain.container(TestPod.BUSYBOX, "true").addMounts(mount(Path.of("/etc"), "/data", true));
            assertThat(Cri.failureOf(() -> plain.create(config)).getDescription())
                    .contains("host's user namespace");
        }
    }
}
