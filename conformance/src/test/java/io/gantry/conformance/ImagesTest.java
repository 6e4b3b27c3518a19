package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.gantry.cri.v1.FilesystemUsage;
import io.gantry.cri.v1.Image;
import io.gantry.cri.v1.ImageFilter;
import io.gantry.cri.v1.ImageFsInfoRequest;
import io.gantry.cri.v1.ImageFsInfoResponse;
import io.gantry.cri.v1.ImageStatusRequest;
import io.gantry.cri.v1.ListImagesRequest;
import io.gantry.cri.v1.PullImageRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

@BlackBox
class ImagesTest {
    private static final String STAGING = "gcr.io/k8s-staging-cri-tools/";

    private final Cri cri;

    ImagesTest(Cri cri) {
        this.cri = cri;
    }

    @Test
    void everyReferenceToAnImageGetsTheSameAnswer() {
        String reference = STAGING + "test-image-tag:all";
        String id = cri.pull(reference);
        Image image = cri.imageStatus(reference).orElseThrow();
        assertThat(image.getId()).isEqualTo(id).startsWith("sha256:");
        assertThat(image.getRepoTagsList()).containsExactly(reference);
        assertThat(image.getRepoDigestsList())
                .singleElement()
                .asString()
                .startsWith(STAGING + "test-image-tag@sha256:");
        assertThat(image.getSize()).isPositive();
        for (String other :
                List.of(id, id.substring("sha256:".length()), id.substring(7, 20), image.getRepoDigests(0))) {
            assertThat(cri.imageStatus(other)).as(other).contains(image);
        }
        cri.removeImage(reference);
        assertThat(cri.imageStatus(id)).isEmpty();
    }

    @Test
    void withoutATagItIsTheLatest() {
        String id = cri.pull(STAGING + "test-image-latest");
        assertThat(cri.imageStatus(id).orElseThrow().getRepoTagsList())
                .containsExactly(STAGING + "test-image-latest:latest");
        cri.removeImage(id);
    }

    @Test
    void aPullByDigestHasNoTag() {
        String tag = STAGING + "test-image-digest:latest";
        String id = cri.pull(tag);
        String digest = cri.imageStatus(id).orElseThrow().getRepoDigests(0);
        cri.removeImage(id);
        assertThat(cri.imageStatus(tag)).isEmpty();
        assertThat(cri.pull(digest)).isEqualTo(id);
        Image image = cri.imageStatus(digest).orElseThrow();
        assertThat(image.getRepoTagsList()).isEmpty();
        assertThat(image.getRepoDigestsList()).containsExactly(digest);
        cri.removeImage(digest);
    }

    @Test
    void oneTagTakesAllTagsAlongAcrossRegistries() {
        List<String> references =
                List.of(STAGING + "test-image-tags:1", STAGING + "test-image-tags:2", STAGING + "test-image-tags:3");
        List<String> ids = references.stream().map(cri::pull).distinct().toList();
        assertThat(ids).hasSize(1);
        assertThat(cri.imageStatus(ids.getFirst()).orElseThrow().getRepoTagsList())
                .containsExactlyInAnyOrderElementsOf(references);
        cri.removeImage(references.get(1));
        assertThat(references)
                .allSatisfy(reference -> assertThat(cri.imageStatus(reference)).isEmpty());

        String pause = cri.pull("registry.k8s.io/pause:3.9");
        assertThat(cri.pull("k8s.gcr.io/pause:3.9")).isEqualTo(pause);
        assertThat(cri.imageStatus(pause).orElseThrow().getRepoTagsList())
                .containsExactlyInAnyOrder("registry.k8s.io/pause:3.9", "k8s.gcr.io/pause:3.9");
        cri.removeImage("k8s.gcr.io/pause:3.9");
        assertThat(cri.imageStatus("registry.k8s.io/pause:3.9")).isEmpty();
    }

    @Test
    void theUserOfAnImageIsSplitIntoNumberAndName() {
        assertUser("uid", "1002", "");
        assertUser("username", "", "www-data");
        assertUser("uid-group", "1003", "");
        assertUser("username-group", "", "www-data");
    }

    private void assertUser(String name, String uid, String username) {
        String id = cri.pull(STAGING + "test-image-user-" + name);
        Image image = cri.imageStatus(id).orElseThrow();
        assertThat(image.hasUid() ? Long.toString(image.getUid().getValue()) : "")
                .isEqualTo(uid);
        assertThat(image.getUsername()).isEqualTo(username);
        cri.removeImage(id);
    }

    @Test
    void theListCanBeAskedForOneImage() {
        String id = cri.pull(STAGING + "test-image-1:latest");
        String other = cri.pull(STAGING + "test-image-2:latest");
        assertThat(list("")).contains(id, other);
        assertThat(list(STAGING + "test-image-1:latest")).containsExactly(id);
        assertThat(list("gantry.test/not-there:1")).isEmpty();
        cri.removeImage(id);
        cri.removeImage(other);
        assertThat(list("")).doesNotContain(id, other);
    }

    private List<String> list(String reference) {
        ListImagesRequest request = ListImagesRequest.newBuilder()
                .setFilter(ImageFilter.newBuilder().setImage(Cri.image(reference)))
                .build();
        return cri.images().listImages(request).getImagesList().stream()
                .map(Image::getId)
                .toList();
    }

    @Test
    void anImageThatIsNotThereIsNoErrorToAskForOrRemove() {
        assertThat(cri.imageStatus("gantry.test/never-pulled:1")).isEmpty();
        cri.removeImage("gantry.test/never-pulled:1");
        cri.removeImage("sha256:" + "0".repeat(64));
    }

    @Test
    void aPullThatFailsNamesTheReference() {
        Status missing = Cri.failureOf(() -> cri.pull("gantry.test/no-such-image:1"));
        assertThat(missing.getCode()).isEqualTo(Status.Code.NOT_FOUND);
        assertThat(missing.getDescription()).contains("gantry.test/no-such-image");
        Status bad = Cri.failureOf(() -> cri.pull("UPPER case is no name"));
        assertThat(bad.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(bad.getDescription()).contains("UPPER case is no name");
    }

    @Test
    void aPullThatIsCancelledLeavesNothing() {
        String reference = STAGING + "test-image-3:latest";
        cri.removeImage(reference);
        var request =
                PullImageRequest.newBuilder().setImage(Cri.image(reference)).build();
        StatusRuntimeException failure = catchThrowableOfType(
                StatusRuntimeException.class,
                () -> cri.images().withDeadlineAfter(1, TimeUnit.MILLISECONDS).pullImage(request));
        assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
        // Another pull takes longer than what is left of the cancelled one could.
        String other = cri.pull(STAGING + "test-image-2:latest");
        assertThat(cri.imageStatus(reference)).isEmpty();
        cri.removeImage(other);
    }

    @Test
    void manyCallersOfOnePullGetTheSameImage() throws InterruptedException, ExecutionException {
        String reference = "registry.k8s.io/e2e-test-images/nginx:1.14-2";
        cri.removeImage(reference);
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<String>> pulls = IntStream.range(0, 10)
                    .mapToObj(number -> threads.submit(() -> cri.pull(reference)))
                    .toList();
            for (Future<String> pull : pulls) {
                assertThat(pull.get()).isEqualTo(pulls.getFirst().get());
            }
        }
        cri.removeImage(reference);
    }

    @Test
    void anImageInUseCanBeRemovedAndItsContainerGoesOn() {
        String reference = "registry.k8s.io/e2e-test-images/httpd:2.4.39-4";
        cri.pull(reference);
        try (TestPod pod = TestPod.runOnHostNetwork(cri)) {
            String id = pod.create(pod.container(reference, "sh", "-c", "while :; do sleep 3600; done"));
            cri.start(id);
            cri.removeImage(reference);
            assertThat(cri.imageStatus(reference)).isEmpty();
            assertThat(cri.shell(id, "cat /var/www/index.html")).isEqualTo("It works!");
            assertThat(cri.status(id).getImage().getImage()).isEqualTo(reference);
            assertThat(Cri.failureOf(() -> pod.create(pod.container(reference, "true")))
                            .getCode())
                    .isEqualTo(Status.Code.NOT_FOUND);
        }
        // It can come back while and after.
        assertThat(cri.pull(reference)).startsWith("sha256:");
        cri.removeImage(reference);
    }

    @Test
    void theVerboseStatusHasTheConfiguration() {
        cri.pull(TestPod.BUSYBOX);
        var answer = cri.images()
                .imageStatus(ImageStatusRequest.newBuilder()
                        .setImage(Cri.image(TestPod.BUSYBOX))
                        .setVerbose(true)
                        .build());
        assertThat(answer.getInfoOrThrow("info")).startsWith("{").contains("imageSpec");
    }

    @Test
    void theFileSystemsUseIsTold() {
        cri.pull(TestPod.BUSYBOX);
        ImageFsInfoResponse told = cri.images().imageFsInfo(ImageFsInfoRequest.getDefaultInstance());
        assertThat(told.getImageFilesystemsList()).hasSize(1);
        FilesystemUsage usage = told.getImageFilesystems(0);
        assertThat(usage.getTimestamp()).isPositive();
        // A kubelet looks the path up, and takes equal ones for a file system without a part of its own for containers.
        assertThat(Path.of(usage.getFsId().getMountpoint())).isDirectory();
        assertThat(told.getContainerFilesystemsList()).hasSize(1);
        assertThat(told.getContainerFilesystems(0).getFsId()).isEqualTo(usage.getFsId());
        assertThat(told.getContainerFilesystems(0).hasUsedBytes()).isTrue();
        assertThat(usage.getUsedBytes().getValue()).isPositive();
        assertThat(usage.getInodesUsed().getValue()).isPositive();
    }
}
