package io.gantry.runtime;

import io.gantry.cri.v1.AttachRequest;
import io.gantry.cri.v1.AttachResponse;
import io.gantry.cri.v1.CgroupDriver;
import io.gantry.cri.v1.ContainerEventResponse;
import io.gantry.cri.v1.ContainerStats;
import io.gantry.cri.v1.ContainerStatsFilter;
import io.gantry.cri.v1.ContainerStatsRequest;
import io.gantry.cri.v1.ContainerStatsResponse;
import io.gantry.cri.v1.ContainerStatusRequest;
import io.gantry.cri.v1.ContainerStatusResponse;
import io.gantry.cri.v1.CreateContainerRequest;
import io.gantry.cri.v1.CreateContainerResponse;
import io.gantry.cri.v1.ExecRequest;
import io.gantry.cri.v1.ExecResponse;
import io.gantry.cri.v1.ExecSyncRequest;
import io.gantry.cri.v1.ExecSyncResponse;
import io.gantry.cri.v1.GetEventsRequest;
import io.gantry.cri.v1.LinuxRuntimeConfiguration;
import io.gantry.cri.v1.ListContainerStatsRequest;
import io.gantry.cri.v1.ListContainerStatsResponse;
import io.gantry.cri.v1.ListContainersRequest;
import io.gantry.cri.v1.ListContainersResponse;
import io.gantry.cri.v1.ListMetricDescriptorsRequest;
import io.gantry.cri.v1.ListMetricDescriptorsResponse;
import io.gantry.cri.v1.ListPodSandboxMetricsRequest;
import io.gantry.cri.v1.ListPodSandboxMetricsResponse;
import io.gantry.cri.v1.ListPodSandboxRequest;
import io.gantry.cri.v1.ListPodSandboxResponse;
import io.gantry.cri.v1.ListPodSandboxStatsRequest;
import io.gantry.cri.v1.ListPodSandboxStatsResponse;
import io.gantry.cri.v1.PodSandboxMetrics;
import io.gantry.cri.v1.PodSandboxStats;
import io.gantry.cri.v1.PodSandboxStatsFilter;
import io.gantry.cri.v1.PodSandboxStatsRequest;
import io.gantry.cri.v1.PodSandboxStatsResponse;
import io.gantry.cri.v1.PodSandboxStatusRequest;
import io.gantry.cri.v1.PodSandboxStatusResponse;
import io.gantry.cri.v1.PortForwardRequest;
import io.gantry.cri.v1.PortForwardResponse;
import io.gantry.cri.v1.RemoveContainerRequest;
import io.gantry.cri.v1.RemoveContainerResponse;
import io.gantry.cri.v1.RemovePodSandboxRequest;
import io.gantry.cri.v1.RemovePodSandboxResponse;
import io.gantry.cri.v1.ReopenContainerLogRequest;
import io.gantry.cri.v1.ReopenContainerLogResponse;
import io.gantry.cri.v1.RunPodSandboxRequest;
import io.gantry.cri.v1.RunPodSandboxResponse;
import io.gantry.cri.v1.RuntimeConfigRequest;
import io.gantry.cri.v1.RuntimeConfigResponse;
import io.gantry.cri.v1.StartContainerRequest;
import io.gantry.cri.v1.StartContainerResponse;
import io.gantry.cri.v1.StatusRequest;
import io.gantry.cri.v1.StatusResponse;
import io.gantry.cri.v1.StopContainerRequest;
import io.gantry.cri.v1.StopContainerResponse;
import io.gantry.cri.v1.StopPodSandboxRequest;
import io.gantry.cri.v1.StopPodSandboxResponse;
import io.gantry.cri.v1.StreamContainerStatsRequest;
import io.gantry.cri.v1.StreamContainerStatsResponse;
import io.gantry.cri.v1.StreamContainersRequest;
import io.gantry.cri.v1.StreamContainersResponse;
import io.gantry.cri.v1.StreamPodSandboxMetricsRequest;
import io.gantry.cri.v1.StreamPodSandboxMetricsResponse;
import io.gantry.cri.v1.StreamPodSandboxStatsRequest;
import io.gantry.cri.v1.StreamPodSandboxStatsResponse;
import io.gantry.cri.v1.StreamPodSandboxesRequest;
import io.gantry.cri.v1.StreamPodSandboxesResponse;
import io.gantry.cri.v1.UpdateContainerResourcesRequest;
import io.gantry.cri.v1.UpdateContainerResourcesResponse;
import io.gantry.cri.v1.UpdatePodSandboxResourcesRequest;
import io.gantry.cri.v1.UpdatePodSandboxResourcesResponse;
import io.gantry.cri.v1.UpdateRuntimeConfigRequest;
import io.gantry.cri.v1.UpdateRuntimeConfigResponse;
import io.gantry.cri.v1.VersionRequest;
import io.gantry.cri.v1.VersionResponse;
import io.gantry.runtime.streaming.ProcessStreams;
import io.gantry.runtime.streaming.StreamingServer;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.time.Duration;

/** The CRI's RuntimeService: each call handed to who does it. */
final class RuntimeCriService extends WithoutCheckpoints {
    private final Node node;
    private final Version version;
    private final PodSandboxes sandboxes;
    private final Containers containers;
    private final ContainerExecs execs;
    private final ContainerStreams streams;
    private final Stats stats;
    private final PodMetrics metrics;
    private final NodeStatus status;
    private final ResourceUpdates updates;
    private final ContainerEvents events;
    private final LargeAnswers largeAnswers = new LargeAnswers();

    RuntimeCriService(
            Node node,
            Version version,
            PodSandboxes sandboxes,
            Containers containers,
            StreamingServer streaming,
            ContainerEvents events) {
        this.node = node;
        this.version = version;
        this.sandboxes = sandboxes;
        this.containers = containers;
        this.execs = new ContainerExecs(node, containers);
        this.streams = new ContainerStreams(node, execs, sandboxes, streaming);
        WritableLayers layers = new WritableLayers(node.layout());
        PodTraffic traffic = new PodTraffic(node);
        this.stats = new Stats(node, containers, layers, traffic);
        this.metrics = new PodMetrics(node, containers, layers, traffic);
        this.status = new NodeStatus(node);
        this.updates = new ResourceUpdates(node, containers);
        this.events = events;
    }

    @Override
    public void version(VersionRequest request, StreamObserver<VersionResponse> observer) {
        Answer.to(
                observer,
                () -> VersionResponse.newBuilder()
                        .setVersion(Version.KUBE_API)
                        .setRuntimeName(Version.NAME)
                        .setRuntimeVersion(version.runtime())
                        .setRuntimeApiVersion(Version.API)
                        .build());
    }

    @Override
    public void status(StatusRequest request, StreamObserver<StatusResponse> observer) {
        Answer.to(observer, () -> status.status(request.getVerbose()));
    }

    @Override
    public void runtimeConfig(RuntimeConfigRequest request, StreamObserver<RuntimeConfigResponse> observer) {
        Answer.to(observer, () -> {
            CgroupDriver driver = switch (node.cgroups().driver()) {
                case CGROUPFS -> CgroupDriver.CGROUPFS;
                case SYSTEMD -> CgroupDriver.SYSTEMD;
            };
            return RuntimeConfigResponse.newBuilder()
                    .setLinux(LinuxRuntimeConfiguration.newBuilder().setCgroupDriver(driver))
                    .build();
        });
    }

    /** The pods' addresses are the CNI configuration's business: what the kubelet says of its range is taken and has no effect. */
    @Override
    public void updateRuntimeConfig(
            UpdateRuntimeConfigRequest request, StreamObserver<UpdateRuntimeConfigResponse> observer) {
        Answer.to(observer, UpdateRuntimeConfigResponse::getDefaultInstance);
    }

    @Override
    public void runPodSandbox(RunPodSandboxRequest request, StreamObserver<RunPodSandboxResponse> observer) {
        Answer.to(
                observer,
                () -> RunPodSandboxResponse.newBuilder()
                        .setPodSandboxId(sandboxes
                                .run(request.getConfig(), request.getRuntimeHandler())
                                .id())
                        .build());
    }

    @Override
    public void stopPodSandbox(StopPodSandboxRequest request, StreamObserver<StopPodSandboxResponse> observer) {
        Answer.to(observer, () -> {
            sandboxes.stop(request.getPodSandboxId());
            return StopPodSandboxResponse.getDefaultInstance();
        });
    }

    @Override
    public void removePodSandbox(RemovePodSandboxRequest request, StreamObserver<RemovePodSandboxResponse> observer) {
        Answer.to(observer, () -> {
            sandboxes.remove(request.getPodSandboxId());
            return RemovePodSandboxResponse.getDefaultInstance();
        });
    }

    @Override
    public void podSandboxStatus(PodSandboxStatusRequest request, StreamObserver<PodSandboxStatusResponse> observer) {
        Answer.to(observer, () -> {
            Pod pod = node.pods().require(request.getPodSandboxId());
            // Taken first: a kubelet drops events that are older, so nothing told here may be older than it.
            PodSandboxStatusResponse.Builder response = PodSandboxStatusResponse.newBuilder()
                    .setTimestamp(node.now())
                    .setStatus(PodViews.status(pod));
            node.containers()
                    .ofPod(pod.id())
                    .forEach(container -> response.addContainersStatuses(ContainerViews.status(container)));
            if (request.getVerbose()) {
                response.putAllInfo(Inspection.of(pod, updates.config(pod), sandboxes.netns(pod) == null, node));
            }
            return response.build();
        });
    }

    @Override
    public void listPodSandbox(ListPodSandboxRequest request, StreamObserver<ListPodSandboxResponse> observer) {
        Answer.to(observer, () -> {
            ListPodSandboxResponse.Builder response = ListPodSandboxResponse.newBuilder();
            for (Pod pod : Selection.pods(node.pods(), request.getFilter())) {
                response.addItems(PodViews.item(pod));
            }
            return response.build();
        });
    }

    @Override
    public void createContainer(CreateContainerRequest request, StreamObserver<CreateContainerResponse> observer) {
        Answer.to(observer, () -> {
            Pod pod = node.pods().require(request.getPodSandboxId());
            return CreateContainerResponse.newBuilder()
                    .setContainerId(containers.create(pod, request.getConfig()).id())
                    .build();
        });
    }

    @Override
    public void startContainer(StartContainerRequest request, StreamObserver<StartContainerResponse> observer) {
        Answer.to(observer, () -> {
            containers.start(node.containers().require(request.getContainerId()));
            return StartContainerResponse.getDefaultInstance();
        });
    }

    @Override
    public void stopContainer(StopContainerRequest request, StreamObserver<StopContainerResponse> observer) {
        Answer.to(observer, () -> {
            Container container = node.containers().find(request.getContainerId());
            if (container != null) {
                containers.stop(container, Duration.ofSeconds(Math.max(0, request.getTimeout())));
            }
            return StopContainerResponse.getDefaultInstance();
        });
    }

    @Override
    public void removeContainer(RemoveContainerRequest request, StreamObserver<RemoveContainerResponse> observer) {
        Answer.to(observer, () -> {
            Container container = node.containers().find(request.getContainerId());
            if (container != null) {
                containers.remove(container);
                stats.forget(container.id());
            }
            return RemoveContainerResponse.getDefaultInstance();
        });
    }

    @Override
    public void listContainers(ListContainersRequest request, StreamObserver<ListContainersResponse> observer) {
        Answer.to(observer, () -> {
            ListContainersResponse.Builder response = ListContainersResponse.newBuilder();
            for (Container container : Selection.containers(node, request.getFilter())) {
                response.addContainers(ContainerViews.item(container));
            }
            return response.build();
        });
    }

    @Override
    public void containerStatus(ContainerStatusRequest request, StreamObserver<ContainerStatusResponse> observer) {
        Answer.to(observer, () -> {
            Container container = node.containers().require(request.getContainerId());
            ContainerStatusResponse.Builder response =
                    ContainerStatusResponse.newBuilder().setStatus(ContainerViews.status(container));
            if (request.getVerbose()) {
                response.putAllInfo(Inspection.of(container, node.pods().require(container.podId()), node));
            }
            return response.build();
        });
    }

    @Override
    public void execSync(ExecSyncRequest request, StreamObserver<ExecSyncResponse> observer) {
        try (CommandOutput stdout = execs.output();
                CommandOutput stderr = execs.output()) {
            Answer.to(observer, () -> {
                Container container = node.containers().require(request.getContainerId());
                int code = execs.execSync(
                        container,
                        request.getCmdList(),
                        Duration.ofSeconds(Math.max(0, request.getTimeout())),
                        stdout,
                        stderr);
                largeAnswers.admit(observer, stdout.size() + stderr.size());
                return ExecSyncResponse.newBuilder()
                        .setStdout(stdout.bytes())
                        .setStderr(stderr.bytes())
                        .setExitCode(code)
                        .build();
            });
        }
    }

    @Override
    public void exec(ExecRequest request, StreamObserver<ExecResponse> observer) {
        Answer.to(observer, () -> {
            ProcessStreams wanted =
                    new ProcessStreams(request.getStdin(), request.getStdout(), request.getStderr(), request.getTty());
            return ExecResponse.newBuilder()
                    .setUrl(streams.exec(request.getContainerId(), request.getCmdList(), wanted))
                    .build();
        });
    }

    @Override
    public void attach(AttachRequest request, StreamObserver<AttachResponse> observer) {
        Answer.to(observer, () -> {
            ProcessStreams wanted =
                    new ProcessStreams(request.getStdin(), request.getStdout(), request.getStderr(), request.getTty());
            return AttachResponse.newBuilder()
                    .setUrl(streams.attach(request.getContainerId(), wanted))
                    .build();
        });
    }

    /** The ports that the request names are not used: the client names one for each connection. */
    @Override
    public void portForward(PortForwardRequest request, StreamObserver<PortForwardResponse> observer) {
        Answer.to(
                observer,
                () -> PortForwardResponse.newBuilder()
                        .setUrl(streams.portForward(request.getPodSandboxId(), request.getPortList()))
                        .build());
    }

    @Override
    public void reopenContainerLog(
            ReopenContainerLogRequest request, StreamObserver<ReopenContainerLogResponse> observer) {
        Answer.to(observer, () -> {
            execs.reopenLog(node.containers().require(request.getContainerId()));
            return ReopenContainerLogResponse.getDefaultInstance();
        });
    }

    @Override
    public void containerStats(ContainerStatsRequest request, StreamObserver<ContainerStatsResponse> observer) {
        Answer.to(
                observer,
                () -> ContainerStatsResponse.newBuilder()
                        .setStats(stats.of(node.containers().require(request.getContainerId())))
                        .build());
    }

    @Override
    public void listContainerStats(
            ListContainerStatsRequest request, StreamObserver<ListContainerStatsResponse> observer) {
        Answer.to(observer, () -> {
            ContainerStatsFilter filter = request.getFilter();
            ListContainerStatsResponse.Builder response = ListContainerStatsResponse.newBuilder();
            for (Container container : Selection.running(node, filter)) {
                stats.ifStillThere(container).ifPresent(response::addStats);
            }
            return response.build();
        });
    }

    @Override
    public void podSandboxStats(PodSandboxStatsRequest request, StreamObserver<PodSandboxStatsResponse> observer) {
        Answer.to(
                observer,
                () -> PodSandboxStatsResponse.newBuilder()
                        .setStats(stats.of(node.pods().require(request.getPodSandboxId())))
                        .build());
    }

    @Override
    public void listPodSandboxStats(
            ListPodSandboxStatsRequest request, StreamObserver<ListPodSandboxStatsResponse> observer) {
        Answer.to(observer, () -> {
            ListPodSandboxStatsResponse.Builder response = ListPodSandboxStatsResponse.newBuilder();
            for (Pod pod : Selection.ready(node.pods(), request.getFilter())) {
                response.addStats(stats.of(pod));
            }
            return response.build();
        });
    }

    @Override
    public void updateContainerResources(
            UpdateContainerResourcesRequest request, StreamObserver<UpdateContainerResourcesResponse> observer) {
        Answer.to(observer, () -> {
            updates.update(node.containers().require(request.getContainerId()), request.getLinux());
            return UpdateContainerResourcesResponse.getDefaultInstance();
        });
    }

    @Override
    public void updatePodSandboxResources(
            UpdatePodSandboxResourcesRequest request, StreamObserver<UpdatePodSandboxResourcesResponse> observer) {
        Answer.to(observer, () -> {
            updates.update(node.pods().require(request.getPodSandboxId()), request);
            return UpdatePodSandboxResourcesResponse.getDefaultInstance();
        });
    }

    @Override
    public void getContainerEvents(GetEventsRequest request, StreamObserver<ContainerEventResponse> observer) {
        events.subscribe((ServerCallStreamObserver<ContainerEventResponse>) observer);
    }

    @Override
    public void streamPodSandboxes(
            StreamPodSandboxesRequest request, StreamObserver<StreamPodSandboxesResponse> observer) {
        ListStream.to(
                observer,
                () -> Selection.pods(node.pods(), request.getFilter()),
                PodViews::item,
                items -> StreamPodSandboxesResponse.newBuilder()
                        .addAllPodSandboxes(items)
                        .build());
    }

    @Override
    public void streamContainers(StreamContainersRequest request, StreamObserver<StreamContainersResponse> observer) {
        ListStream.to(
                observer,
                () -> Selection.containers(node, request.getFilter()),
                ContainerViews::item,
                items -> StreamContainersResponse.newBuilder()
                        .addAllContainers(items)
                        .build());
    }

    @Override
    public void streamContainerStats(
            StreamContainerStatsRequest request, StreamObserver<StreamContainerStatsResponse> observer) {
        ListStream.<Container, ContainerStats, StreamContainerStatsResponse>to(
                observer,
                () -> Selection.running(node, request.getFilter()),
                stats::of,
                items -> StreamContainerStatsResponse.newBuilder()
                        .addAllContainerStats(items)
                        .build());
    }

    @Override
    public void listMetricDescriptors(
            ListMetricDescriptorsRequest request, StreamObserver<ListMetricDescriptorsResponse> observer) {
        Answer.to(
                observer,
                () -> ListMetricDescriptorsResponse.newBuilder()
                        .addAllDescriptors(PodMetric.descriptors())
                        .build());
    }

    @Override
    public void listPodSandboxMetrics(
            ListPodSandboxMetricsRequest request, StreamObserver<ListPodSandboxMetricsResponse> observer) {
        Answer.to(observer, () -> {
            ListPodSandboxMetricsResponse.Builder response = ListPodSandboxMetricsResponse.newBuilder();
            for (Pod pod : Selection.ready(node.pods(), PodSandboxStatsFilter.getDefaultInstance())) {
                response.addPodMetrics(metrics.of(pod));
            }
            return response.build();
        });
    }

    @Override
    public void streamPodSandboxMetrics(
            StreamPodSandboxMetricsRequest request, StreamObserver<StreamPodSandboxMetricsResponse> observer) {
        ListStream.<Pod, PodSandboxMetrics, StreamPodSandboxMetricsResponse>to(
                observer,
                () -> Selection.ready(node.pods(), PodSandboxStatsFilter.getDefaultInstance()),
                metrics::of,
                items -> StreamPodSandboxMetricsResponse.newBuilder()
                        .addAllPodSandboxMetrics(items)
                        .build());
    }

    @Override
    public void streamPodSandboxStats(
            StreamPodSandboxStatsRequest request, StreamObserver<StreamPodSandboxStatsResponse> observer) {
        ListStream.<Pod, PodSandboxStats, StreamPodSandboxStatsResponse>to(
                observer,
                () -> Selection.ready(node.pods(), request.getFilter()),
                stats::of,
                items -> StreamPodSandboxStatsResponse.newBuilder()
                        .addAllPodSandboxStats(items)
                        .build());
    }
}
