package io.gantry.daemon;

import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.ContainerMetadata;
import io.gantry.cri.v1.ContainerStatusRequest;
import io.gantry.cri.v1.CreateContainerRequest;
import io.gantry.cri.v1.ExecSyncRequest;
import io.gantry.cri.v1.Image;
import io.gantry.cri.v1.ImageFsInfoRequest;
import io.gantry.cri.v1.ImageServiceGrpc;
import io.gantry.cri.v1.ImageServiceGrpc.ImageServiceBlockingStub;
import io.gantry.cri.v1.ImageSpec;
import io.gantry.cri.v1.ImageStatusRequest;
import io.gantry.cri.v1.LinuxContainerConfig;
import io.gantry.cri.v1.LinuxContainerResources;
import io.gantry.cri.v1.LinuxContainerSecurityContext;
import io.gantry.cri.v1.LinuxPodSandboxConfig;
import io.gantry.cri.v1.LinuxSandboxSecurityContext;
import io.gantry.cri.v1.ListContainerStatsRequest;
import io.gantry.cri.v1.ListContainersRequest;
import io.gantry.cri.v1.ListImagesRequest;
import io.gantry.cri.v1.ListPodSandboxRequest;
import io.gantry.cri.v1.ListPodSandboxStatsRequest;
import io.gantry.cri.v1.NamespaceMode;
import io.gantry.cri.v1.NamespaceOption;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.cri.v1.PodSandboxMetadata;
import io.gantry.cri.v1.PodSandboxStatusRequest;
import io.gantry.cri.v1.RemoveContainerRequest;
import io.gantry.cri.v1.RemovePodSandboxRequest;
import io.gantry.cri.v1.RunPodSandboxRequest;
import io.gantry.cri.v1.RuntimeConfigRequest;
import io.gantry.cri.v1.RuntimeServiceGrpc;
import io.gantry.cri.v1.RuntimeServiceGrpc.RuntimeServiceBlockingStub;
import io.gantry.cri.v1.SecurityProfile;
import io.gantry.cri.v1.StartContainerRequest;
import io.gantry.cri.v1.StatusRequest;
import io.gantry.cri.v1.StopContainerRequest;
import io.gantry.cri.v1.StopPodSandboxRequest;
import io.gantry.cri.v1.VersionRequest;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * {@code gantry rehearse}: a daemon calls itself as a kubelet would, then ends. A JVM that records an AOT cache meanwhile has seen what a daemon
 * does all day. The pods are on the host's network, so no plugin is called and no address is used up.
 */
final class Rehearsal {
    private static final int DEADLINE_SECONDS = 60;
    private static final String KUBERNETES = "k8s.io";

    private final Path socket;
    private final PrintStream out;

    Rehearsal(Path socket, PrintStream out) {
        this.socket = socket;
        this.out = out;
    }

    /** What fails is told and ends the rehearsal, not the daemon: a machine on which no pod can run learns the rest. */
    void run() throws InterruptedException {
        MultiThreadIoEventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
        ManagedChannel channel = NettyChannelBuilder.forAddress(new DomainSocketAddress(socket.toString()))
                .eventLoopGroup(loop)
                .channelType(EpollDomainSocketChannel.class)
                .usePlaintext()
                .overrideAuthority(KUBERNETES)
                .build();
        try {
            RuntimeServiceBlockingStub runtime =
                    RuntimeServiceGrpc.newBlockingStub(channel).withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
            ImageServiceBlockingStub images =
                    ImageServiceGrpc.newBlockingStub(channel).withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
            // Twice: the second round is what the profiles should look like.
            rehearse(runtime, images, 1);
            rehearse(runtime, images, 2);
        } catch (StatusRuntimeException e) {
            out.println("the rehearsal ended early: " + e.getMessage());
        } finally {
            channel.shutdownNow();
            channel.awaitTermination(DEADLINE_SECONDS, TimeUnit.SECONDS);
            loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).await();
        }
    }

    private void rehearse(RuntimeServiceBlockingStub runtime, ImageServiceBlockingStub images, int round) {
        runtime.version(VersionRequest.getDefaultInstance());
        runtime.status(StatusRequest.newBuilder().setVerbose(true).build());
        runtime.runtimeConfig(RuntimeConfigRequest.getDefaultInstance());
        images.imageFsInfo(ImageFsInfoRequest.getDefaultInstance());
        for (Image image :
                images.listImages(ListImagesRequest.getDefaultInstance()).getImagesList()) {
            ImageSpec spec = ImageSpec.newBuilder().setImage(image.getId()).build();
            images.imageStatus(ImageStatusRequest.newBuilder()
                    .setImage(spec)
                    .setVerbose(true)
                    .build());
            pod(runtime, spec, round);
        }
    }

    private static void pod(RuntimeServiceBlockingStub runtime, ImageSpec image, int round) {
        PodSandboxConfig config = PodSandboxConfig.newBuilder()
                .setMetadata(PodSandboxMetadata.newBuilder()
                        .setName("rehearsal")
                        .setNamespace("gantry")
                        .setUid(Integer.toString(round)))
                .setLinux(LinuxPodSandboxConfig.newBuilder()
                        .setSecurityContext(LinuxSandboxSecurityContext.newBuilder()
                                .setNamespaceOptions(
                                        NamespaceOption.newBuilder().setNetwork(NamespaceMode.NODE))))
                .build();
        String pod = runtime.runPodSandbox(
                        RunPodSandboxRequest.newBuilder().setConfig(config).build())
                .getPodSandboxId();
        try {
            container(runtime, pod, config, image);
            runtime.podSandboxStatus(PodSandboxStatusRequest.newBuilder()
                    .setPodSandboxId(pod)
                    .setVerbose(true)
                    .build());
        } finally {
            runtime.stopPodSandbox(
                    StopPodSandboxRequest.newBuilder().setPodSandboxId(pod).build());
            runtime.removePodSandbox(
                    RemovePodSandboxRequest.newBuilder().setPodSandboxId(pod).build());
        }
    }

    private static void container(
            RuntimeServiceBlockingStub runtime, String pod, PodSandboxConfig podConfig, ImageSpec image) {
        ContainerConfig config = ContainerConfig.newBuilder()
                .setMetadata(ContainerMetadata.newBuilder().setName("rehearsal"))
                .setImage(image)
                // The demonstration image's: it needs no port.
                .addArgs("sleep")
                .addArgs("60")
                .setLinux(LinuxContainerConfig.newBuilder()
                        .setResources(LinuxContainerResources.newBuilder()
                                .setMemoryLimitInBytes(32 << 20)
                                .setCpuPeriod(100_000)
                                .setCpuQuota(100_000))
                        .setSecurityContext(LinuxContainerSecurityContext.newBuilder()
                                .setNoNewPrivs(true)
                                .setSeccomp(SecurityProfile.newBuilder()
                                        .setProfileType(SecurityProfile.ProfileType.RuntimeDefault))))
                .build();
        String id = runtime.createContainer(CreateContainerRequest.newBuilder()
                        .setPodSandboxId(pod)
                        .setConfig(config)
                        .setSandboxConfig(podConfig)
                        .build())
                .getContainerId();
        runtime.startContainer(
                StartContainerRequest.newBuilder().setContainerId(id).build());
        runtime.listPodSandbox(ListPodSandboxRequest.getDefaultInstance());
        runtime.listContainers(ListContainersRequest.getDefaultInstance());
        runtime.containerStatus(ContainerStatusRequest.newBuilder()
                .setContainerId(id)
                .setVerbose(true)
                .build());
        runtime.listContainerStats(ListContainerStatsRequest.getDefaultInstance());
        runtime.listPodSandboxStats(ListPodSandboxStatsRequest.getDefaultInstance());
        runtime.execSync(ExecSyncRequest.newBuilder()
                .setContainerId(id)
                .addCmd("/hello")
                .addCmd("true")
                .setTimeout(10)
                .build());
        runtime.stopContainer(StopContainerRequest.newBuilder()
                .setContainerId(id)
                .setTimeout(2)
                .build());
        runtime.removeContainer(
                RemoveContainerRequest.newBuilder().setContainerId(id).build());
    }
}
