package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.gantry.cri.v1.Device;
import io.gantry.cri.v1.LinuxContainerSecurityContext;
import io.gantry.cri.v1.SecurityProfile;
import io.gantry.cri.v1.SecurityProfile.ProfileType;
import io.gantry.cri.v1.SupplementalGroupsPolicy;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@BlackBox
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SecurityTest {
    private static final String USER_IMAGE = "gantry.test/user:1";

    private final Cri cri;
    private final TestPod pod;

    SecurityTest(Cri cri) {
        this.cri = cri;
        this.pod = TestPod.run(cri, config -> {
            TestPod.hostNetwork(config);
            TestPod.security(config, security -> security.setPrivileged(true));
        });
        for (String image : List.of(TestPod.BUSYBOX, USER_IMAGE)) {
            assertThat(cri.pull(image)).startsWith("sha256:");
        }
    }

    @AfterAll
    void removePod() {
        pod.close();
    }

    private String run(String line, Consumer<LinuxContainerSecurityContext.Builder> change) {
        return pod.runShell(
                        line, config -> change.accept(config.getLinuxBuilder().getSecurityContextBuilder()))
                .stdout();
    }

    private String runInUserImage(Consumer<LinuxContainerSecurityContext.Builder> change) {
        var config = pod.container(USER_IMAGE, "sh", "-c", "echo $(id -u):$(id -g) $(id -G) $HOME");
        change.accept(config.getLinuxBuilder().getSecurityContextBuilder());
        return pod.runToEnd(config).stdout();
    }

    @Test
    void theImagesUserAndItsGroupsApply() {
        assertThat(runInUserImage(security -> {})).isEqualTo("1500:1501 1501 1600 /home/app");
        assertThat(runInUserImage(security -> security.addSupplementalGroups(1700)))
                .startsWith("1500:1501 ")
                .contains("1600", "1700");
        assertThat(runInUserImage(security -> security.setSupplementalGroupsPolicy(SupplementalGroupsPolicy.Strict)))
                .startsWith("1500:1501 1501 ")
                .doesNotContain("1600");
    }

    @Test
    void aGivenUserIsOverTheImages() {
        assertThat(runInUserImage(security -> security.getRunAsUserBuilder().setValue(0)))
                .startsWith("0:0 0");
        assertThat(runInUserImage(security -> {
                    security.getRunAsUserBuilder().setValue(1500);
                    security.getRunAsGroupBuilder().setValue(1234);
                }))
                .startsWith("1500:1234 1234");
        assertThat(runInUserImage(security -> security.setRunAsUsername("app"))).startsWith("1500:1501 1501 1600");
        // Not in /etc/passwd: the group is 0.
        assertThat(runInUserImage(security -> security.getRunAsUserBuilder().setValue(4242)))
                .startsWith("4242:0 0");
    }

    @Test
    void theStatusTellsTheUser() {
        var finished = pod.runToEnd(pod.container(USER_IMAGE, "true"));
        assertThat(finished.status().getUser().getLinux().getUid()).isEqualTo(1500);
        assertThat(finished.status().getUser().getLinux().getGid()).isEqualTo(1501);
        assertThat(finished.status().getUser().getLinux().getSupplementalGroupsList())
                .containsExactlyInAnyOrder(1501L, 1600L);
    }

    @Test
    void badUsersAreErrorsOfCreate() {
        var groupAlone = pod.container(TestPod.BUSYBOX, "true");
        groupAlone
                .getLinuxBuilder()
                .getSecurityContextBuilder()
                .getRunAsGroupBuilder()
                .setValue(1000);
        assertThat(Cri.failureOf(() -> pod.create(groupAlone)).getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        var unknown = pod.container(USER_IMAGE, "true");
        unknown.getLinuxBuilder().getSecurityContextBuilder().setRunAsUsername("nobody-knows");
        assertThat(Cri.failureOf(() -> pod.create(unknown)).getDescription()).contains("nobody-knows");
    }

    @Test
    void capabilitiesAreTheDefaultsPlusAndMinusWhatIsAsked() {
        String line = "sed -n 's/^Cap\\(Eff\\|Bnd\\|Amb\\|Inh\\):.//p' /proc/self/status | tr '\\n' ' '";
        // In the order of the file: inheritable, effective, bounding, ambient.
        assertThat(run(line, security -> {})).startsWith("0000000000000000 00000000a80425fb 00000000a80425fb 00");
        assertThat(run(line, security -> security.getCapabilitiesBuilder().addDropCapabilities("ALL")))
                .startsWith("0000000000000000 0000000000000000 0000000000000000");
        assertThat(run(
                        line,
                        security -> security.getCapabilitiesBuilder()
                                .addDropCapabilities("ALL")
                                .addAddCapabilities("NET_ADMIN")
                                .addAddCapabilities("CAP_SYS_TIME")))
                .contains("0000000002001000 0000000002001000");
        assertThat(Cri.failureOf(() -> run(
                                "true",
                                security -> security.getCapabilitiesBuilder().addAddCapabilities("NO_SUCH")))
                        .getDescription())
                .contains("NO_SUCH");
    }

    @Test
    void ambientCapabilitiesReachAnOrdinaryUser() {
        assertThat(run("grep CapEff /proc/self/status", security -> {
                    security.getRunAsUserBuilder().setValue(1000);
                    security.getCapabilitiesBuilder().addAddAmbientCapabilities("NET_BIND_SERVICE");
                }))
                .endsWith("0000000000000400");
        assertThat(run(
                        "grep CapEff /proc/self/status",
                        security -> security.getRunAsUserBuilder().setValue(1000)))
                .endsWith("0000000000000000");
    }

    @Test
    void seccompIsWhatIsAsked(@TempDir Path folder) throws IOException {
        String line = "grep Seccomp: /proc/self/status";
        assertThat(run(line, security -> {})).endsWith("\t0");
        assertThat(run(line, security -> security.setSeccomp(profile(ProfileType.RuntimeDefault, ""))))
                .endsWith("\t2");
        assertThat(run(line, security -> security.setSeccomp(profile(ProfileType.Unconfined, ""))))
                .endsWith("\t0");
        Path file = folder.resolve("no-chmod.json");
        Files.writeString(file, """
                {"defaultAction": "SCMP_ACT_ALLOW",
                 "syscalls": [{"names": ["chmod", "fchmod", "fchmodat", "fchmodat2"], "action": "SCMP_ACT_ERRNO"}]}
                """);
        assertThat(run(
                        "chmod 600 /etc/passwd 2>&1; " + line,
                        security -> security.setSeccomp(profile(ProfileType.Localhost, file.toString()))))
                .contains("Operation not permitted")
                .endsWith("\t2");
        assertThat(run(
                        line,
                        security -> security.setPrivileged(true).setSeccomp(profile(ProfileType.RuntimeDefault, ""))))
                .endsWith("\t0");
        Status missing = Cri.failureOf(() ->
                run(line, security -> security.setSeccomp(profile(ProfileType.Localhost, "/no/such/profile.json"))));
        assertThat(missing.getDescription()).contains("/no/such/profile.json");
    }

    private static SecurityProfile.Builder profile(ProfileType type, String reference) {
        return SecurityProfile.newBuilder().setProfileType(type).setLocalhostRef(reference);
    }

    @Test
    void noNewPrivsIsSet() {
        assertThat(run("grep NoNewPrivs /proc/self/status", security -> security.setNoNewPrivs(true)))
                .endsWith("\t1");
        assertThat(run("grep NoNewPrivs /proc/self/status", security -> {})).endsWith("\t0");
    }

    @Test
    void theRootFileSystemCanBeReadOnly() {
        assertThat(run("touch /file 2>&1; touch /tmp/file 2>&1", security -> security.setReadonlyRootfs(true)))
                .isEqualTo("touch: /file: Read-only file system\ntouch: /tmp/file: Read-only file system");
        assertThat(run("touch /dev/shm/file && echo ok", security -> security.setReadonlyRootfs(true)))
                .isEqualTo("ok");
    }

    @Test
    void pathsAreMaskedAndReadOnly() {
        assertThat(run(
                        "cat /etc/passwd | wc -c; touch /var/log/file 2>&1",
                        security -> security.addMaskedPaths("/etc/passwd").addReadonlyPaths("/var/log")))
                .isEqualTo("0\ntouch: /var/log/file: Read-only file system");
        assertThat(run(
                        "wc -c </proc/timer_list; (echo 1 >/proc/sys/kernel/panic) 2>&1 || true",
                        security -> security.addMaskedPaths("/proc/timer_list").addReadonlyPaths("/proc/sys")))
                .isEqualTo("0\nsh: can't create /proc/sys/kernel/panic: Read-only file system");
    }

    @Test
    void onlyThePrivilegedSeeTheDevicesOfTheHost() {
        assertThat(run("ls /dev/ | tr '\\n' ' '", security -> {}))
                .contains("null", "zero", "full", "random", "urandom", "tty", "pts", "shm", "mqueue")
                .doesNotContain("loop-control", "kmsg");
        assertThat(run("[ -c /dev/kmsg ] && echo there", security -> security.setPrivileged(true)))
                .isEqualTo("there");
        assertThat(run("mknod /tmp/k c 1 11 2>&1 && dd if=/tmp/k of=/dev/null count=1 2>&1", security -> {}))
                .contains("Operation not permitted");
    }

    @Test
    void aDeviceThatIsGivenCanBeUsed() {
        TestPod.Finished finished = pod.runShell(
                "exec 3<>/dev/renamed && stat -c '%t:%T' /dev/renamed",
                config -> config.addDevices(Device.newBuilder()
                        .setHostPath("/dev/loop-control")
                        .setContainerPath("/dev/renamed")
                        .setPermissions("rw")));
        assertThat(finished.stdout()).isEqualTo("a:ed");
        Status missing = Cri.failureOf(() -> pod.create(pod.container(TestPod.BUSYBOX, "true")
                .addDevices(Device.newBuilder()
                        .setHostPath("/dev/no-such-device")
                        .setContainerPath("/dev/x")
                        .setPermissions("rwm"))));
        assertThat(missing.getDescription()).contains("/dev/no-such-device");
    }

    @Test
    void aPrivilegedContainerNeedsAPrivilegedPod() {
        try (TestPod plain = TestPod.runOnHostNetwork(cri)) {
            var config = plain.container(TestPod.BUSYBOX, "true");
            config.getLinuxBuilder().getSecurityContextBuilder().setPrivileged(true);
            assertThat(Cri.failureOf(() -> plain.create(config)).getDescription())
                    .contains("privileged");
        }
    }

    @Test
    void anUnknownAppArmorProfileIsAnErrorOfCreate() {
        var config = pod.container(TestPod.BUSYBOX, "true");
        config.getLinuxBuilder()
                .getSecurityContextBuilder()
                .setApparmor(profile(ProfileType.Localhost, "no-such-profile"));
        assertThat(Cri.failureOf(() -> pod.create(config)).getDescription()).containsIgnoringCase("apparmor");
    }

    /** DaemonSets that run on any node ask for spc_t. */
    @Test
    void selinuxOptionsHaveNoEffectWhereSelinuxIsOff() {
        assumeFalse(Files.exists(Path.of("/sys/fs/selinux/enforce")), "SELinux is on here");
        assertThat(run(
                        "echo ran",
                        security -> security.getSelinuxOptionsBuilder()
                                .setType("spc_t")
                                .setLevel("s0")))
                .isEqualTo("ran");
    }
}
