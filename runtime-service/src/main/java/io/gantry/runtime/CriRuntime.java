package io.gantry.runtime;

import io.gantry.cni.Cni;
import io.gantry.cri.CriException;
import io.gantry.image.Images;
import io.gantry.runtime.cdi.CdiSpecs;
import io.gantry.runtime.streaming.StreamingConfig;
import io.gantry.runtime.streaming.StreamingServer;
import io.gantry.sandbox.Cgroups;
import io.gantry.sandbox.Shims;
import io.grpc.BindableService;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The RuntimeService, put together: finds what a former daemon left, then serves. Pods and containers do not depend on this object living. */
public final class CriRuntime implements AutoCloseable {
    /** A kubelet reads events as they come; a thousand are a hundred pods made or removed while it does not. */
    private static final EventStream.Limit EVENT_QUEUE = new EventStream.Limit(1000, 8 << 20);

    private final Node node;
    private final PodSandboxes sandboxes;
    private final RuntimeCriService service;
    private final ContainerEvents events;
    private final StreamingServer streaming;

    private CriRuntime(
            Node node,
            PodSandboxes sandboxes,
            RuntimeCriService service,
            ContainerEvents events,
            StreamingServer streaming) {
        this.node = node;
        this.sandboxes = sandboxes;
        this.service = service;
        this.events = events;
        this.streaming = streaming;
    }

    /**
     * Settings of the runtime.
     *
     * @param handler the name of the one runtime handler, besides the empty name
     * @param seccompProfiles where localhost profiles with a relative name lie
     * @param podShmSize bytes of a pod's /dev/shm
     * @param cdiSpecs folders of CDI specifications, later ones before earlier ones
     * @param streaming where exec, attach and port-forward are served
     */
    public record Settings(
            String handler, Path seccompProfiles, long podShmSize, List<Path> cdiSpecs, StreamingConfig streaming) {}

    /** Brings the state on disk and the machine together. When it returns, every call can be served. */
    public static CriRuntime start(
            RuntimeLayout layout,
            Settings settings,
            Version version,
            Images images,
            Cni cni,
            Shims shims,
            Cgroups cgroups)
            throws IOException, InterruptedException {
        Node node = new Node(
                layout,
                new PodStore(layout),
                new ContainerStore(layout),
                images,
                cni,
                shims,
                cgroups,
                HostFacts.read(),
                new UserNamespaces(layout, shims),
                settings.handler(),
                settings.seccompProfiles(),
                settings.podShmSize(),
                new CdiSpecs(settings.cdiSpecs()));
        Containers containers = new Containers(node);
        PodSandboxes sandboxes = new PodSandboxes(node, containers);
        new Recovery(node, sandboxes, containers).run();
        sandboxes.collectNetworks();
        ContainerEvents events = new ContainerEvents(node.pods(), node.containers(), EVENT_QUEUE);
        node.pods().listen(events);
        node.containers().listen(events);
        Thread.startVirtualThread(containers::warmUp);
        Thread.startVirtualThread(node.userNamespaces()::support);
        StreamingServer streaming = StreamingServer.start(settings.streaming());
        return new CriRuntime(
                node,
                sandboxes,
                new RuntimeCriService(node, version, sandboxes, containers, streaming, events),
                events,
                streaming);
    }

    /** What the gRPC server adds. */
    public BindableService service() {
        return service;
    }

    /**
     * What came of it.
     *
     * @param removed how many pods are gone
     * @param failures a message for each that is not
     */
    public record Removal(int removed, List<String> failures) {}

    /** Ends and removes every pod; one that resists is passed over. */
    public Removal removePods() throws InterruptedException {
        int removed = 0;
        List<String> failures = new ArrayList<>();
        for (Pod pod : List.copyOf(node.pods().all())) {
            try {
                sandboxes.remove(pod.id());
                removed++;
            } catch (CriException e) {
                failures.add("remove pod " + pod.key() + ": " + e.getMessage());
            }
        }
        return new Removal(removed, failures);
    }

    /** Ends the calls that never end by themselves, before the server waits for those under way. */
    public void endStreams() {
        events.close();
    }

    /** Ends the sessions of clients. Pods and containers go on. */
    @Override
    public void close() {
        streaming.close();
    }
}
