package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.ContainerStatus;
import io.gantry.cri.v1.ImageSpec;
import io.gantry.cri.v1.ImageStatusRequest;
import io.gantry.cri.v1.Mount;
import io.gantry.cri.v1.MountPropagation;
import io.gantry.cri.v1.RemoveContainerRequest;
import io.grpc.Status;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Images as volumes of a container (KEP-4639, KEP-5365). */
@BlackBox
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ImageVolumesTest {
    private static final String CONTENT = "gantry.test/content:1";
    private static final String FLAT = "gantry.test/content-flat:1";

    private final Cri cri;
    private final TestPod pod;

    ImageVolumesTest(Cri cri) {
        this.cri = cri;
        this.pod = TestPod.runOnHostNetwork(cri);
        cri.pull(CONTENT);
        cri.pull(FLAT);
    }

    @AfterAll
    void removePod() {
        pod.close();
    }

    private static Mount.Builder volume(String image) {
        return Mount.newBuilder()
                .setImage(ImageSpec.newBuilder().setImage(image))
                .setContainerPath("/mnt")
                .setReadonly(true);
    }

    @Test
    void allLayersAreSeenReadOnlyAndProgramsRun() {
        TestPod.Finished finished = pod.runShell(
                "cat /mnt/data/*; touch /mnt/data/new 2>&1; /mnt/bin/echo it runs; ls /mnt/data; grep -c ' /mnt ' /proc/self/mounts",
                config -> config.addMounts(volume(CONTENT)));
        assertThat(finished.stdout().lines())
                .containsExactly(
                        "added",
                        "kept",
                        "touch: /mnt/data/new: Read-only file system",
                        "it runs",
                        "added",
                        "kept",
                        "1");
    }

    @Test
    void anImageOfOneLayerAndSeveralMountsAtOnce() {
        TestPod.Finished finished = pod.runShell(
                "ls /mnt/data; ls /a/b/c; cat /a/file; touch /mnt/x 2>&1; touch /a/file 2>&1",
                config -> config.addMounts(volume(FLAT))
                        .addMounts(volume(CONTENT).setContainerPath("/a/b/c").setImageSubPath("data"))
                        .addMounts(volume(FLAT).setContainerPath("/a/file").setImageSubPath("data/gone")));
        assertThat(finished.stdout().lines())
                .containsExactly(
                        "gone",
                        "kept",
                        "added",
                        "kept",
                        "gone",
                        "touch: /mnt/x: Read-only file system",
                        "touch: /a/file: Read-only file system");
    }

    @ParameterizedTest
    @CsvSource({
        "data, added kept",
        "/data/, added kept",
        "up, added kept",
        "data/../data, added kept",
        "file, /mnt",
        "data/kept, /mnt"
    })
    void aSubPathIsResolvedWithinTheImage(String subPath, String listed) {
        TestPod.Finished finished = pod.runShell(
                "ls /mnt | tr '\\n' ' '",
                config -> config.addMounts(volume(CONTENT).setImageSubPath(subPath)));
        assertThat(finished.stdout()).isEqualTo(listed);
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "data/gone", "data/kept/below", "outside", "../../../../../../tmp/../proc/self"})
    void aSubPathThatIsNotInTheImageFailsTheCreation(String subPath) {
        int before = cri.listContainers().size();
        Status failure = failureOf(mount -> mount.setImageSubPath(subPath));
        // Only the image's own (empty) /proc is there.
        assertThat(failure.getCode()).isEqualTo(Status.Code.NOT_FOUND);
        assertThat(failure.getDescription())
                .startsWith("ImageVolumeMountFailed: ")
                .contains(subPath, "/mnt");
        assertThat(cri.listContainers()).hasSize(before);
    }

    @Test
    void wrongRequestsAreTold() {
        assertInvalid(failureOf(mount -> mount.setReadonly(false)), "readonly");
        assertInvalid(failureOf(mount -> mount.setHostPath("/tmp")), "/tmp");
        assertInvalid(
                failureOf(mount -> mount.setPropagation(MountPropagation.PROPAGATION_BIDIRECTIONAL)), "propagate");
        Status absent = failureOf(mount -> mount.setImage(Cri.image("gantry.test/never-pulled:1")));
        assertThat(absent.getCode()).isEqualTo(Status.Code.NOT_FOUND);
        assertThat(absent.getDescription())
                .startsWith("ImageVolumeMountFailed: ")
                .contains("gantry.test/never-pulled:1", "/mnt");
    }

    private static void assertInvalid(Status failure, String reason) {
        assertThat(failure.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(failure.getDescription())
                .startsWith("ImageVolumeMountFailed: ")
                .contains(reason);
    }

    private Status failureOf(UnaryOperator<Mount.Builder> change) {
        cri.pull(TestPod.BUSYBOX);
        return Cri.failureOf(
                () -> pod.create(pod.container(TestPod.BUSYBOX, "true").addMounts(change.apply(volume(CONTENT)))));
    }

    @Test
    void theStatusHasTheReferenceThatThePullAnswered() {
        String id = cri.pull(CONTENT);
        ImageSpec asked = ImageSpec.newBuilder()
                .setImage(id)
                .setUserSpecifiedImage(CONTENT)
                .putAnnotations("a", "b")
                .build();
        String container = pod.runIdle(config -> config.addMounts(volume("").setImage(asked)));
        List<Mount> mounts = cri.status(container).getMountsList();
        assertThat(mounts)
                .containsExactly(
                        volume("").setImage(asked.toBuilder().setImageRef(id)).build());
        ImageSpec byReference = ImageSpec.newBuilder().setImageRef(id).build();
        assertThat(cri.images()
                        .imageStatus(ImageStatusRequest.newBuilder()
                                .setImage(byReference)
                                .build())
                        .getImage()
                        .getId())
                .isEqualTo(id);
    }

    @Test
    void aMountedImageOutlivesItsRemoval() {
        String image = "gantry.test/volume:1";
        cri.pull(image);
        String container = pod.runIdle(config -> config.addMounts(volume(image)));
        cri.removeImage(image);
        assertThat(cri.imageStatus(image)).isEmpty();
        assertThat(cri.shell(container, "cat /mnt/data/seed")).isEqualTo("from the image");
        ContainerStatus status = cri.status(container);
        assertThat(status.getMounts(0).getImage().getImageRef()).startsWith("sha256:");
        cri.runtime()
                .removeContainer(RemoveContainerRequest.newBuilder()
                        .setContainerId(container)
                        .build());
        Status gone = Cri.failureOf(
                () -> pod.create(pod.container(TestPod.BUSYBOX, "true").addMounts(volume(image))));
        assertThat(gone.getCode()).isEqualTo(Status.Code.NOT_FOUND);
    }

    @Test
    void inAUserNamespaceTheIdsAreThoseOfTheImage() {
        cri.pull("gantry.test/volume:1");
        try (TestPod contained = TestPod.run(cri, UserNamespaceTest::contained)) {
            TestPod.Finished finished = contained.runShell(
                    "stat -c %u:%g /mnt/data/seed /mnt/bin/busybox /one; /mnt/bin/echo it runs; touch /mnt/x 2>&1; cat /one",
                    config -> config.addMounts(volume("gantry.test/volume:1"))
                            .addMounts(volume(FLAT).setContainerPath("/one").setImageSubPath("data/gone")));
            assertThat(finished.stdout().lines())
                    .containsExactly(
                            "1234:2345", "0:0", "0:0", "it runs", "touch: /mnt/x: Read-only file system", "gone");
        }
    }
}
