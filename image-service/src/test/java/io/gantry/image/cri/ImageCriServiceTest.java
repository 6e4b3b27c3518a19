package io.gantry.image.cri;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.gantry.cri.v1.AuthConfig;
import io.gantry.cri.v1.Image;
import io.gantry.cri.v1.ImageFilter;
import io.gantry.cri.v1.ImageFsInfoRequest;
import io.gantry.cri.v1.ImageServiceGrpc;
import io.gantry.cri.v1.ImageSpec;
import io.gantry.cri.v1.ImageStatusRequest;
import io.gantry.cri.v1.ImageStatusResponse;
import io.gantry.cri.v1.ListImagesRequest;
import io.gantry.cri.v1.PullImageRequest;
import io.gantry.cri.v1.RemoveImageRequest;
import io.gantry.cri.v1.StreamImagesRequest;
import io.gantry.image.ImageConfig;
import io.gantry.image.fixture.FakeRegistry;
import io.gantry.image.fixture.TarBytes;
import io.gantry.image.fixture.TestImage;
import io.gantry.image.json.JsonTree;
import io.gantry.image.service.LocalImages;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("privileged")
class ImageCriServiceTest {
    @TempDir
    private Path root;

    private FakeRegistry registry;
    private LocalImages images;
    private Server server;
    private ManagedChannel channel;
    private ImageServiceGrpc.ImageServiceBlockingStub stub;

    @BeforeEach
    void open() throws Exception {
        registry = new FakeRegistry();
        images = LocalImages.open(root, ImageConfig.defaults());
        images.collectUnused();
        server = InProcessServerBuilder.forName("images")
                .executor(Executors.newVirtualThreadPerTaskExecutor())
                .addService(new ImageCriService(images))
                .build()
                .start();
        channel = InProcessChannelBuilder.forName("images").build();
        stub = ImageServiceGrpc.newBlockingStub(channel);
    }

    @AfterEach
    void close() {
        channel.shutdownNow();
        server.shutdownNow();
        images.close();
        registry.close();
    }

    private static ImageSpec spec(String image) {
        return ImageSpec.newBuilder().setImage(image).build();
    }

    private String pull(String reference) {
        return stub.pullImage(
                        PullImageRequest.newBuilder().setImage(spec(reference)).build())
                .getImageRef();
    }

    private ImageStatusResponse status(String reference, boolean verbose) {
        return stub.imageStatus(ImageStatusRequest.newBuilder()
                .setImage(spec(reference))
                .setVerbose(verbose)
                .build());
    }

    private static StatusRuntimeException failure(Runnable call) {
        StatusRuntimeException failure = catchThrowableOfType(StatusRuntimeException.class, call::run);
        assertThat(failure).isNotNull();
        return failure;
    }

    @Test
    void pulledImageIsTheSameHoweverAsked() {
        TestImage pushed = TestImage.builder()
                .layer(new TarBytes().file("a", 0644, "a").end(), TestImage.Packing.GZIP)
                .config("\"User\":\"www-data:1004\"")
                .build();
        registry.add("1", pushed);
        String reference = registry.host() + "/repo:1";

        assertThat(pull(reference)).isEqualTo(pushed.id());

        Image image = status(reference, false).getImage();
        assertThat(image.getId()).isEqualTo(pushed.id());
        assertThat(image.getRepoTagsList()).containsExactly(reference);
        assertThat(image.getSize()).isEqualTo(pushed.size());
        assertThat(image.getUsername()).isEqualTo("www-data");
        assertThat(image.hasUid()).isFalse();
        assertThat(image.hasSpec()).isFalse();
        for (String other :
                List.of(image.getId(), image.getRepoDigests(0), image.getId().substring(7, 20))) {
            assertThat(status(other, false).getImage()).as(other).isEqualTo(image);
        }
        assertThat(stub.listImages(ListImagesRequest.getDefaultInstance()).getImagesList())
                .containsExactly(image);
        for (String filter : List.of("", reference, image.getId())) {
            ImageFilter.Builder wanted = ImageFilter.newBuilder().setImage(spec(filter));
            assertThat(stub.listImages(ListImagesRequest.newBuilder()
                                    .setFilter(wanted)
                                    .build())
                            .getImagesList())
                    .containsExactly(image);
        }
        assertThat(stub.streamImages(StreamImagesRequest.getDefaultInstance()))
                .toIterable()
                .flatExtracting(response -> response.getImagesList())
                .containsExactly(image);
    }

    @Test
    void numericUserIsAnId() {
        registry.add(
                "latest", TestImage.builder().config("\"User\":\"1003:1004\"").build());

        Image image = status(pull(registry.host() + "/repo"), false).getImage();

        assertThat(image.getUid().getValue()).isEqualTo(1003);
        assertThat(image.getUsername()).isEmpty();
    }

    @Test
    void verboseInfoHoldsTheConfigAsJson() throws Exception {
        registry.add("latest", TestImage.small("verbose"));
        String id = pull(registry.host() + "/repo");

        assertThat(status(id, false).getInfoMap()).isEmpty();
        JsonTree info = JsonTree.parse(status(id, true).getInfoOrThrow("info").getBytes(StandardCharsets.UTF_8));
        assertThat(info.get("chainID").text()).startsWith("sha256:");
        assertThat(info.get("imageSpec").get("config").get("Cmd").texts()).containsExactly("sh");
    }

    @Test
    void absentImageIsNoError() {
        assertThat(status("nothing/here:1", true).hasImage()).isFalse();
        assertThat(status("0".repeat(64), false).hasImage()).isFalse();
        for (int i = 0; i < 2; i++) {
            assertThat(stub.removeImage(RemoveImageRequest.newBuilder()
                            .setImage(spec("0".repeat(64)))
                            .build()))
                    .isNotNull();
        }
    }

    @Test
    void removalIsIdempotentAndAtOnce() {
        registry.add("latest", TestImage.small("remove"));
        String id = pull(registry.host() + "/repo");

        for (int i = 0; i < 3; i++) {
            assertThat(stub.removeImage(
                            RemoveImageRequest.newBuilder().setImage(spec(id)).build()))
                    .isNotNull();
            assertThat(status(id, false).hasImage()).isFalse();
        }
    }

    @Test
    void failuresHaveTheCodesThatClientsKnow() {
        assertThat(failure(() -> pull("Not A Reference")).getStatus().getCode())
                .isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(failure(() -> pull("")).getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(failure(() -> pull(registry.host() + "/repo:none"))
                        .getStatus()
                        .getCode())
                .isEqualTo(Status.Code.NOT_FOUND);
        registry.close();
        Status unavailable = failure(() -> pull(registry.host() + "/repo")).getStatus();
        assertThat(unavailable.getCode()).isEqualTo(Status.Code.UNKNOWN);
        assertThat(unavailable.getDescription()).startsWith("RegistryUnavailable: ");
    }

    @Test
    void authFieldIsUserAndPassword() {
        registry.add("latest", TestImage.small("auth"));
        String auth = Base64.getEncoder().encodeToString("me:secret".getBytes(StandardCharsets.UTF_8));
        registry.filter(exchange -> {
            if (("Basic " + auth).equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
                return false;
            }
            exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"r\"");
            return FakeRegistry.answer(exchange, 401, "");
        });
        PullImageRequest.Builder request = PullImageRequest.newBuilder().setImage(spec(registry.host() + "/repo"));

        assertThat(failure(() -> stub.pullImage(request.build())).getStatus().getCode())
                .isEqualTo(Status.Code.PERMISSION_DENIED);
        request.setAuth(AuthConfig.newBuilder().setAuth(auth));
        assertThat(stub.pullImage(request.build()).getImageRef()).startsWith("sha256:");
    }

    @Test
    void deadlineCancelsThePull() throws Exception {
        registry.add("latest", TestImage.small("deadline"));
        CountDownLatch over = new CountDownLatch(1);
        CountDownLatch broken = new CountDownLatch(1);
        registry.filter(exchange -> {
            if (exchange.getRequestURI().getPath().contains("/blobs/") && over.getCount() > 0) {
                try {
                    over.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                broken.countDown();
                return true;
            }
            return false;
        });

        StatusRuntimeException failure = failure(() -> stub.withDeadlineAfter(200, TimeUnit.MILLISECONDS)
                .pullImage(PullImageRequest.newBuilder()
                        .setImage(spec(registry.host() + "/repo"))
                        .build()));

        assertThat(failure.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
        over.countDown();
        broken.await();
        assertThat(stub.listImages(ListImagesRequest.getDefaultInstance()).getImagesList())
                .isEmpty();
        assertThat(pull(registry.host() + "/repo")).startsWith("sha256:");
    }

    @Test
    void fileSystemIsTold() {
        registry.add("latest", TestImage.small("usage"));
        pull(registry.host() + "/repo");

        var usage = stub.imageFsInfo(ImageFsInfoRequest.getDefaultInstance()).getImageFilesystems(0);

        assertThat(usage.getFsId().getMountpoint()).isEqualTo(root.toString());
        assertThat(usage.getTimestamp()).isPositive();
        assertThat(usage.getUsedBytes().getValue()).isPositive();
        assertThat(usage.getInodesUsed().getValue()).isPositive();
    }
}
