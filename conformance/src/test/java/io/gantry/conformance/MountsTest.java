package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.Mount;
import io.gantry.cri.v1.MountPropagation;
import io.gantry.cri.v1.RemoveContainerRequest;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

@BlackBox
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MountsTest {
    private final Cri cri;
    private final DaemonUnderTest daemon;
    private final TestPod pod;

    MountsTest(Cri cri, DaemonUnderTest daemon) {
        this.cri = cri;
        this.daemon = daemon;
        this.pod = TestPod.runOnHostNetwork(cri);
    }

    @AfterAll
    void removePod() {
        pod.close();
    }

    private static Mount.Builder mount(Path host) {
        return Mount.newBuilder().setHostPath(host.toString()).setContainerPath("/mnt");
    }

    @Test
    void aFolderIsSharedBothWays(@TempDir Path host) throws IOException {
        Files.writeString(host.resolve("in"), "from outside");
        TestPod.Finished finished =
                pod.runShell("cat /mnt/in; echo from inside >/mnt/out", config -> config.addMounts(mount(host)));
        assertThat(finished.stdout()).isEqualTo("from outside");
        assertThat(host.resolve("out")).hasContent("from inside\n");
        assertThat(finished.status().getMountsList())
                .containsExactly(mount(host).build());
    }

    @Test
    void aFileAndASymbolicLinkCanBeMounted(@TempDir Path host) throws IOException {
        Path file = Files.writeString(host.resolve("file"), "text");
        Path link = Files.createSymbolicLink(host.resolve("link"), file);
        TestPod.Finished finished = pod.runShell(
                "cat /made/for/it /other",
                config -> config.addMounts(mount(file).setContainerPath("/made/for/it"))
                        .addMounts(mount(link).setContainerPath("/other")));
        assertThat(finished.stdout()).isEqualTo("texttext");
    }

    @Test
    void readOnlyIsReadOnlyAlsoOnAReadOnlyRoot(@TempDir Path host) {
        TestPod.Finished finished = pod.runShell("touch /new/place/file 2>&1", config -> {
            config.addMounts(mount(host).setContainerPath("/new/place").setReadonly(true));
            config.getLinuxBuilder().getSecurityContextBuilder().setReadonlyRootfs(true);
        });
        assertThat(finished.stdout()).isEqualTo("touch: /new/place/file: Read-only file system");
    }

    @Test
    void onlyRecursiveReadOnlyReachesMountsBelow(@TempDir Path host) throws IOException {
        Path below = Files.createDirectory(host.resolve("below"));
        DaemonUnderTest.execute(List.of("mount", "-t", "tmpfs", "none", below.toString()));
        try {
            String line = "touch /mnt/file 2>&1; touch /mnt/below/file 2>&1 && echo written";
            assertThat(pod.runShell(line, config -> config.addMounts(mount(host).setReadonly(true)))
                            .stdout())
                    .isEqualTo("touch: /mnt/file: Read-only file system\nwritten");
            assertThat(pod.runShell(
                                    line,
                                    config -> config.addMounts(
                                            mount(host).setReadonly(true).setRecursiveReadOnly(true)))
                            .stdout())
                    .isEqualTo(
                            "touch: /mnt/file: Read-only file system\ntouch: /mnt/below/file: Read-only file system");
        } finally {
            DaemonUnderTest.execute(List.of("umount", below.toString()));
        }
    }

    @Test
    void recursiveReadOnlyHasItsConditions(@TempDir Path host) {
        Status writable = Cri.failureOf(() -> pod.create(
                pod.container(TestPod.BUSYBOX, "true").addMounts(mount(host).setRecursiveReadOnly(true))));
        assertThat(writable.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        Status shared = Cri.failureOf(() -> pod.create(pod.container(TestPod.BUSYBOX, "true")
                .addMounts(mount(host)
                        .setReadonly(true)
                        .setRecursiveReadOnly(true)
                        .setPropagation(MountPropagation.PROPAGATION_HOST_TO_CONTAINER))));
        assertThat(shared.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    }

    @Test
    void mountsOfTheHostArriveWithSlavePropagationOnly(@TempDir Path host) throws IOException {
        Path below = Files.createDirectory(host.resolve("below"));
        DaemonUnderTest.execute(List.of("mount", "--bind", host.toString(), host.toString()));
        DaemonUnderTest.execute(List.of("mount", "--make-shared", host.toString()));
        try {
            String slave = pod.runIdle(config ->
                    config.addMounts(mount(host).setPropagation(MountPropagation.PROPAGATION_HOST_TO_CONTAINER)));
            String apart = pod.runIdle(config -> config.addMounts(mount(host)));
            DaemonUnderTest.execute(List.of("mount", "-t", "tmpfs", "none", below.toString()));
            Files.writeString(below.resolve("late"), "late");
            try {
                assertThat(cri.shell(slave, "cat /mnt/below/late")).isEqualTo("late");
                assertThat(cri.shell(apart, "ls /mnt/below")).isEmpty();
            } finally {
                DaemonUnderTest.execute(List.of("umount", below.toString()));
            }
            cri.stop(slave, 0);
            cri.stop(apart, 0);
        } finally {
            DaemonUnderTest.execute(List.of("umount", host.toString()));
        }
    }

    @Test
    void aVolumeOfTheImageGetsItsContentOwnerAndModeAndGoesWithTheContainer() throws IOException {
        cri.pull("gantry.test/volume:1");
        String line =
                "stat -c '%u:%g %a' /data /data/seed; cat /data/seed; echo new >/data/more; ls -d /made/anew; mount | grep -c ' on /data '";
        TestPod.Finished first = pod.runToEnd(pod.container("gantry.test/volume:1", "sh", "-c", line));
        assertThat(first.stdout().lines())
                .containsExactly("1234:2345 750", "1234:2345 640", "from the image", "/made/anew", "1");
        TestPod.Finished second = pod.runToEnd(pod.container("gantry.test/volume:1", "ls", "/data"));
        assertThat(second.stdout()).isEqualTo("seed");
        cri.runtime()
                .removeContainer(RemoveContainerRequest.newBuilder()
                        .setContainerId(first.id())
                        .build());
        assertThat(filesNamed("more")).isEmpty();
    }

    private List<Path> filesNamed(String name) throws IOException {
        try (var files =
                Files.find(daemon.dir().resolve("root"), 12, (path, attributes) -> path.endsWith("data/" + name))) {
            return files.toList();
        }
    }

    @Test
    void aMountIsOverTheVolumeOfTheImage(@TempDir Path host) {
        cri.pull("gantry.test/volume:1");
        TestPod.Finished finished = pod.runToEnd(pod.container("gantry.test/volume:1", "ls", "-A", "/data")
                .addMounts(mount(host).setContainerPath("/data")));
        assertThat(finished.stdout()).isEmpty();
        assertThat(finished.status().getExitCode()).isZero();
        assertThat(finished.status().getMountsList()).hasSize(1);
    }

    @Test
    void linksInTheImageCannotLeadAMountOutside(@TempDir Path host) throws IOException {
        Path outside = Files.createDirectory(host.resolve("outside"));
        Path inside = Files.createDirectory(host.resolve("inside"));
        // The first mount brings a link that points to the host; the second is asked for behind it.
        Files.createSymbolicLink(inside.resolve("link"), outside);
        TestPod.Finished finished = pod.runShell(
                "ls -d " + outside + "/made",
                config -> config.addMounts(mount(inside).setContainerPath("/trap"))
                        .addMounts(mount(host).setContainerPath("/trap/link/made")));
        assertThat(outside).isEmptyDirectory();
        assertThat(finished.status().getExitCode()).isZero();
    }

    @Test
    void mountOptionsHold(@TempDir Path host) throws IOException {
        Path program = Files.writeString(host.resolve("program"), "#!/bin/sh\necho it runs\n");
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
        String line =
                "/mnt/program 2>&1; grep ' /mnt ' /proc/self/mounts | cut -d ' ' -f 4 | tr ',' '\\n' | grep '^no[des]'";
        assertThat(pod.runShell(line, config -> config.addMounts(mount(host))).stdout())
                .startsWith("it runs")
                .doesNotContain("noexec");
        TestPod.Finished finished = pod.runShell(
                line, config -> config.addMounts(mount(host).addAllMountOptions(List.of("noexec", "nodev", "nosuid"))));
        assertThat(finished.stdout()).contains("Permission denied").doesNotContain("it runs");
        assertThat(finished.stdout().lines()).contains("noexec", "nodev", "nosuid");
        assertThat(finished.status().getMounts(0).getMountOptionsList()).containsExactly("noexec", "nodev", "nosuid");
    }

    @Test
    void aFileSystemOfHugePagesComesThrough(@TempDir Path host) throws IOException {
        DaemonUnderTest.execute(List.of("mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "none", host.toString()));
        try {
            assertThat(pod.runShell(
                                    "grep ' /hugepages ' /proc/self/mounts | cut -d ' ' -f 3; touch /hugepages/file && echo made",
                                    config -> config.addMounts(mount(host).setContainerPath("/hugepages")))
                            .stdout())
                    .isEqualTo("hugetlbfs\nmade");
        } finally {
            DaemonUnderTest.execute(List.of("umount", host.toString()));
        }
    }

    @Test
    void anUnknownMountOptionIsRejected(@TempDir Path host) {
        Status failure = Cri.failureOf(() -> pod.create(
                pod.container(TestPod.BUSYBOX, "true").addMounts(mount(host).addMountOptions("suid"))));
        assertThat(failure.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(failure.getDescription()).contains("\"suid\"", "/mnt");
    }
}
