package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.gantry.cri.v1.CDIDevice;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.Device;
import io.gantry.cri.v1.Int64Value;
import io.gantry.cri.v1.KeyValue;
import io.gantry.cri.v1.VersionRequest;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Devices, by path and by the Container Device Interface, and what comes with them. */
@BlackBox
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DevicesTest {
    private final Cri cri;
    private final Path low;
    private final Path high;
    private final TestPod pod;

    DevicesTest(Cri cri, DaemonUnderTest daemon) {
        this.cri = cri;
        this.low = daemon.dir().resolve("cdi.static");
        this.high = daemon.dir().resolve("cdi.dynamic");
        this.pod = TestPod.run(cri, config -> {
            TestPod.hostNetwork(config);
            config.putAnnotations(
                    "ulimits.noderesource.dev/container.limited", "- {type: RLIMIT_NOFILE, soft: 77, hard: 88}");
            config.putAnnotations(
                    "ulimits.nri.containerd.io/container.wrong", "- {type: nonsense, soft: 77, hard: 88}");
        });
        cri.pull(TestPod.BUSYBOX);
    }

    @AfterEach
    void removeSpecifications() throws IOException {
        for (Path folder : List.of(low, high)) {
            if (Files.isDirectory(folder)) {
                DaemonUnderTest.execute(List.of("rm", "-r", folder.toString()));
            }
        }
    }

    @AfterAll
    void removePod() {
        pod.close();
    }

    private static void write(Path folder, String name, String text) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve(name), text);
    }

    private static Consumer<ContainerConfig.Builder> with(String... devices) {
        return config -> {
            for (String device : devices) {
                config.addCDIDevices(CDIDevice.newBuilder().setName(device));
            }
        };
    }

    private Status failureWith(String... devices) {
        ContainerConfig.Builder config = pod.container(TestPod.BUSYBOX, "true");
        with(devices).accept(config);
        return Cri.failureOf(() -> pod.create(config));
    }

    @Test
    void aDeviceBringsNodesMountsVariablesAndGroups(@TempDir Path host) throws IOException {
        Files.writeString(host.resolve("library"), "of the vendor");
        write(low, "vendor.yaml", """
                cdiVersion: 0.7.0
                kind: vendor.example/accel
                containerEdits:
                  env: [VENDOR=yes]
                devices:
                - name: zero
                  containerEdits:
                    env: ["WHICH=zero", "OWN=theirs"]
                    deviceNodes:
                    - {path: /dev/accel/loop, hostPath: /dev/loop-control, permissions: rw}
                    - {path: /dev/accel/made, type: c, major: 1, minor: 5, fileMode: 0600, uid: 7, gid: 8}
                    mounts:
                    - {hostPath: %s, containerPath: /opt/vendor, options: [ro, nosuid, nodev, bind]}
                    - {hostPath: tmpfs, containerPath: /opt/scratch, type: tmpfs, options: [nosuid, size=64k]}
                    additionalGids: [4242]
                - name: one
                  containerEdits:
                    env: [ONE=yes]
                """.formatted(host));
        String line =
                "echo $VENDOR $WHICH $OWN $ONE; stat -c '%t:%T' /dev/accel/loop; stat -c '%t:%T %a %u:%g' /dev/accel/made;"
                        + " exec 3<>/dev/accel/loop && echo opened; cat /opt/vendor/library; echo; touch /opt/vendor/x 2>&1; grep -c ' /opt/scratch tmpfs rw,nosuid'"
                        + " /proc/self/mounts; grep -o 4242 /proc/self/status; head -c 1 /dev/accel/made | wc -c";
        TestPod.Finished finished = pod.runShell(line, config -> {
            with("vendor.example/accel=zero").accept(config);
            config.putAnnotations("cdi.k8s.io/plugin_1", "vendor.example/accel=one,vendor.example/accel=zero");
            config.addEnvs(KeyValue.newBuilder().setKey("OWN").setValue(ByteString.copyFromUtf8("mine")));
        });
        assertThat(finished.stdout().lines())
                .containsExactly(
                        "yes zero theirs yes",
                        "a:ed",
                        "1:5 600 7:8",
                        "opened",
                        "of the vendor",
                        "touch: /opt/vendor/x: Read-only file system",
                        "1",
                        "4242",
                        "1");
        assertThat(finished.status().getMountsList()).isEmpty();
        assertThat(finished.status().getUser().getLinux().getSupplementalGroupsList())
                .contains(4242L);
    }

    @Test
    void aNodeBelongsToTheUserAndAnExecHasItAll() throws IOException {
        write(low, "vendor.json", """
                {"cdiVersion": "0.5.0", "kind": "vendor.example/accel", "devices": [{"name": "x", "containerEdits":
                 {"env": ["A=1"], "deviceNodes": [{"path": "/dev/accel", "hostPath": "/dev/loop-control"}]}}]}
                """);
        String id = pod.runIdle(config -> {
            with("vendor.example/accel=x").accept(config);
            config.getLinuxBuilder()
                    .getSecurityContextBuilder()
                    .setRunAsUser(Int64Value.newBuilder().setValue(1234));
        });
        assertThat(cri.shell(id, "stat -c '%u' /dev/accel; exec 3<>/dev/accel; echo $A"))
                .isEqualTo("1234\n1");
        cri.stop(id, 0);
    }

    @Test
    void aPodWithAUserNamespaceGetsThemToo(@TempDir Path host) throws IOException {
        Files.setPosixFilePermissions(host, PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.writeString(host.resolve("library"), "of the vendor");
        write(low, "vendor.yaml", """
                cdiVersion: 0.7.0
                kind: vendor.example/accel
                devices:
                - name: x
                  containerEdits:
                    deviceNodes:
                    - {path: /dev/accel, hostPath: /dev/loop-control, permissions: rw}
                    mounts:
                    - {hostPath: %s, containerPath: /opt/vendor, options: [ro, bind]}
                    additionalGids: [4242]
                """.formatted(host));
        try (TestPod contained = TestPod.run(cri, UserNamespaceTest::contained)) {
            TestPod.Finished finished = contained.runShell(
                    "stat -c '%t:%T %u:%g' /dev/accel; exec 3<>/dev/accel && echo opened; cat /opt/vendor/library; echo; id -G",
                    with("vendor.example/accel=x"));
            assertThat(finished.stdout().lines()).containsExactly("a:ed 0:0", "opened", "of the vendor", "0 4242");
        }
    }

    @Test
    void folderPrecedenceHoldsAndChangesAreSeen() throws IOException {
        String format =
                "{\"cdiVersion\": \"0.3.0\", \"kind\": \"v.example/c\", \"devices\": [{\"name\": \"d\", \"containerEdits\": {\"env\": [\"A=%s\"]}}]}";
        write(low, "a.json", format.formatted("low"));
        assertThat(pod.runShell("echo $A", with("v.example/c=d")).stdout()).isEqualTo("low");
        write(high, "a.json", format.formatted("high"));
        assertThat(pod.runShell("echo $A", with("v.example/c=d")).stdout()).isEqualTo("high");
        write(high, "b.json", format.formatted("other"));
        Status ambiguous = failureWith("v.example/c=d");
        assertThat(ambiguous.getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        assertThat(ambiguous.getDescription()).contains("v.example/c=d", "a.json", "b.json");
    }

    @Test
    void whatCannotBeHadIsNamed() throws IOException {
        int before = cri.listContainers().size();
        Status unknown = failureWith("vendor.example/accel=none");
        assertThat(unknown.getCode()).isEqualTo(Status.Code.NOT_FOUND);
        assertThat(unknown.getDescription()).contains("vendor.example/accel=none");
        assertThat(failureWith("nonsense").getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);

        write(low, "bad.json", "{");
        write(low, "deep.yaml", "[".repeat(500_000));
        write(low, "vendor.yaml", """
                cdiVersion: 1.1.0
                kind: vendor.example/accel
                devices:
                - {name: hook, containerEdits: {hooks: [{hookName: createContainer, path: /usr/bin/vendor-hook}]}}
                - {name: rdt, containerEdits: {intelRdt: {closID: a}}}
                - {name: net, containerEdits: {netDevices: [{hostInterfaceName: a, name: b}]}}
                - {name: gone, containerEdits: {deviceNodes: [{path: /dev/no-such-device}]}}
                - {name: lib, containerEdits: {mounts: [{hostPath: /no/such/library, containerPath: /lib/x}]}}
                - {name: option, containerEdits: {mounts: [{hostPath: /tmp, containerPath: /x, options: [bind, strange]}]}}
                """);
        assertThat(failureWith("vendor.example/accel=hook").getDescription())
                .contains("createContainer hook /usr/bin/vendor-hook");
        assertThat(failureWith("vendor.example/accel=rdt").getDescription()).contains("intelRdt");
        assertThat(failureWith("vendor.example/accel=net").getDescription()).contains("netDevices");
        assertThat(failureWith("vendor.example/accel=gone").getDescription()).contains("/dev/no-such-device");
        assertThat(failureWith("vendor.example/accel=lib").getDescription()).contains("/no/such/library");
        assertThat(failureWith("vendor.example/accel=option").getDescription()).contains("\"strange\"");
        assertThat(failureWith("vendor.example/accel=none").getDescription()).contains("bad.json", "deep.yaml");
        assertThat(cri.listContainers()).hasSize(before);
        assertThat(cri.runtime().version(VersionRequest.getDefaultInstance()).getRuntimeName())
                .isNotEmpty();
    }

    @Test
    void aFolderOfDevicesIsGivenWhole(@TempDir Path host) throws IOException {
        Path folder = host.resolve("devices");
        Files.createDirectories(folder.resolve("below"));
        DaemonUnderTest.execute(List.of("mknod", folder.resolve("a").toString(), "c", "1", "5"));
        DaemonUnderTest.execute(List.of("mknod", folder.resolve("below/b").toString(), "c", "10", "237"));
        Files.writeString(folder.resolve("text"), "no device");
        TestPod.Finished finished = pod.runShell(
                "find /dev/mine -type c | sort; head -c 1 /dev/mine/a | wc -c; (exec 3>/dev/mine/below/b) 2>&1 && echo written",
                config -> config.addDevices(Device.newBuilder()
                        .setHostPath(folder.toString())
                        .setContainerPath("/dev/mine")
                        .setPermissions("r")));
        assertThat(finished.stdout().lines())
                .startsWith("/dev/mine/a", "/dev/mine/below/b", "1")
                .noneMatch("written"::equals);
        assertThat(finished.stdout()).contains("not permitted");
        refused("/dev/null", "/dev/x", "rx", "\"rx\"");
        refused("/dev/null", "dev/x", "r", "\"dev/x\"");
        refused("/dev/nu\0ll", "/dev/x", "r", "NUL");
        refused("/dev/null", "/dev/\0", "r", "NUL");
    }

    private void refused(String host, String inside, String permissions, String word) {
        Status wrong = Cri.failureOf(() -> pod.create(pod.container(TestPod.BUSYBOX, "true")
                .addDevices(Device.newBuilder()
                        .setHostPath(host)
                        .setContainerPath(inside)
                        .setPermissions(permissions))));
        assertThat(wrong.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(wrong.getDescription()).contains(word);
    }

    @Test
    void resourceLimitsComeByAnnotationsOfThePod() {
        TestPod.Finished finished = pod.runShell(
                "ulimit -Sn; ulimit -Hn", config -> config.getMetadataBuilder().setName("limited"));
        assertThat(finished.stdout()).isEqualTo("77\n88");
        Status wrong = Cri.failureOf(() -> {
            ContainerConfig.Builder config = pod.container(TestPod.BUSYBOX, "true");
            config.getMetadataBuilder().setName("wrong");
            return pod.create(config);
        });
        assertThat(wrong.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(wrong.getDescription()).contains("ulimits.nri.containerd.io/container.wrong", "nonsense");
    }
}
