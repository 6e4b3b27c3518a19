package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.gantry.cri.v1.CgroupDriver;
import io.gantry.cri.v1.Container;
import io.gantry.cri.v1.ContainerState;
import io.gantry.cri.v1.ContainerStatus;
import io.gantry.cri.v1.ContainerStatusRequest;
import io.gantry.cri.v1.ContainerStatusResponse;
import io.gantry.cri.v1.ExecSyncRequest;
import io.gantry.cri.v1.ExecSyncResponse;
import io.gantry.cri.v1.Image;
import io.gantry.cri.v1.ImageServiceGrpc;
import io.gantry.cri.v1.ImageServiceGrpc.ImageServiceBlockingStub;
import io.gantry.cri.v1.ImageSpec;
import io.gantry.cri.v1.ImageStatusRequest;
import io.gantry.cri.v1.ImageStatusResponse;
import io.gantry.cri.v1.ListContainersRequest;
import io.gantry.cri.v1.ListPodSandboxRequest;
import io.gantry.cri.v1.PodSandbox;
import io.gantry.cri.v1.PodSandboxStatus;
import io.gantry.cri.v1.PodSandboxStatusRequest;
import io.gantry.cri.v1.PullImageRequest;
import io.gantry.cri.v1.RemoveImageRequest;
import io.gantry.cri.v1.RuntimeConfigRequest;
import io.gantry.cri.v1.RuntimeServiceGrpc;
import io.gantry.cri.v1.RuntimeServiceGrpc.RuntimeServiceBlockingStub;
import io.gantry.cri.v1.StartContainerRequest;
import io.gantry.cri.v1.StopContainerRequest;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A connection to the socket, with the calls that tests make most. */
final class Cri implements AutoCloseable {
    private static final Pattern PID = Pattern.compile("\"pid\"\\s*:\\s*(\\d+)");

    private final MultiThreadIoEventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    private final ManagedChannel channel;
    private final Path logs;

    /** A connection to the daemon in a folder. */
    Cri(Path dir) {
        logs = dir.resolve("logs");
        Path socket = dir.resolve("gantry.sock");
        channel = NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toString()))
                .eventLoopGroup(loops)
                .channelType(EpollDomainSocketChannel.class)
                .usePlaintext()
                .overrideAuthority("localhost")
                .maxInboundMessageSize(64 << 20)
                .build();
    }

    /** Where the log folders of pods go. */
    Path logs() {
        return logs;
    }

    ManagedChannel channel() {
        return channel;
    }

    /** With a deadline that only ends a call that hangs. */
    RuntimeServiceBlockingStub runtime() {
        return RuntimeServiceGrpc.newBlockingStub(channel).withDeadlineAfter(100, TimeUnit.SECONDS);
    }

    ImageServiceBlockingStub images() {
        return ImageServiceGrpc.newBlockingStub(channel).withDeadlineAfter(100, TimeUnit.SECONDS);
    }

    // ---- Images

    static ImageSpec image(String reference) {
        return ImageSpec.newBuilder().setImage(reference).build();
    }

    /** Answers with the image's id. */
    String pull(String reference) {
        return images().pullImage(
                        PullImageRequest.newBuilder().setImage(image(reference)).build())
                .getImageRef();
    }

    Optional<Image> imageStatus(String reference) {
        ImageStatusResponse answer = images().imageStatus(ImageStatusRequest.newBuilder()
                .setImage(image(reference))
                .build());
        return answer.hasImage() ? Optional.of(answer.getImage()) : Optional.empty();
    }

    void removeImage(String reference) {
        images().removeImage(RemoveImageRequest.newBuilder()
                .setImage(image(reference))
                .build());
    }

    CgroupDriver cgroupDriver() {
        return runtime()
                .runtimeConfig(RuntimeConfigRequest.getDefaultInstance())
                .getLinux()
                .getCgroupDriver();
    }

    // ---- Pods

    List<PodSandbox> listPods() {
        return runtime()
                .listPodSandbox(ListPodSandboxRequest.getDefaultInstance())
                .getItemsList();
    }

    PodSandboxStatus podStatus(String id) {
        return runtime()
                .podSandboxStatus(
                        PodSandboxStatusRequest.newBuilder().setPodSandboxId(id).build())
                .getStatus();
    }

    // ---- Containers

    List<Container> listContainers() {
        return runtime()
                .listContainers(ListContainersRequest.getDefaultInstance())
                .getContainersList();
    }

    ContainerStatus status(String id) {
        return runtime()
                .containerStatus(
                        ContainerStatusRequest.newBuilder().setContainerId(id).build())
                .getStatus();
    }

    /** The process of a container in the host's numbering, from the verbose status. */
    long pidOf(String id) {
        ContainerStatusResponse answer = runtime()
                .containerStatus(ContainerStatusRequest.newBuilder()
                        .setContainerId(id)
                        .setVerbose(true)
                        .build());
        assertThat(answer.getInfoMap()).containsKey("info");
        Matcher pid = PID.matcher(answer.getInfoOrThrow("info"));
        assertThat(pid.find()).as("a pid in %s", answer.getInfoMap()).isTrue();
        return Long.parseLong(pid.group(1));
    }

    void start(String id) {
        runtime()
                .startContainer(
                        StartContainerRequest.newBuilder().setContainerId(id).build());
    }

    void stop(String id, long seconds) {
        runtime()
                .stopContainer(StopContainerRequest.newBuilder()
                        .setContainerId(id)
                        .setTimeout(seconds)
                        .build());
    }

    ContainerStatus waitExited(String id) {
        Wait.until(id + " has exited", () -> status(id).getState() == ContainerState.CONTAINER_EXITED);
        return status(id);
    }

    ContainerStatus startAndWait(String id) {
        start(id);
        return waitExited(id);
    }

    ExecSyncResponse execSync(String id, long timeoutSeconds, String... command) {
        return runtime()
                .execSync(ExecSyncRequest.newBuilder()
                        .setContainerId(id)
                        .addAllCmd(List.of(command))
                        .setTimeout(timeoutSeconds)
                        .build());
    }

    /** Runs a shell line in a container; it must succeed. Answers with what it printed, without the last line's end. */
    String shell(String id, String line) {
        ExecSyncResponse answer = execSync(id, 30, "sh", "-c", line);
        assertThat(answer.getExitCode())
                .as(
                        "%s: %s%s",
                        line,
                        answer.getStdout().toStringUtf8(),
                        answer.getStderr().toStringUtf8())
                .isZero();
        return answer.getStdout().toStringUtf8().stripTrailing();
    }

    // ---- Errors

    /** Makes a call that must fail, and answers with its status. */
    static io.grpc.Status failureOf(Supplier<?> call) {
        StatusRuntimeException failure = catchThrowableOfType(StatusRuntimeException.class, call::get);
        assertThat(failure).as("the call must fail").isNotNull();
        return failure.getStatus();
    }

    @Override
    public void close() {
        channel.shutdownNow();
        if (!loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(10, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the connection does not close");
        }
    }
}
