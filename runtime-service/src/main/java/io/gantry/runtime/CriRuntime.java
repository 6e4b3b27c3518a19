package io.gantry.runtime;

import io.gantry.cni.Cni;
import io.gantry.image.Images;
import io.gantry.sandbox.Cgroups;
import io.gantry.sandbox.Shims;
import io.grpc.BindableService;
import java.io.IOException;
import java.nio.file.Path;

/** The RuntimeService, put together: finds what a former daemon left, then serves. Pods and containers do not depend on this object living. */
public final class CriRuntime {
    private final RuntimeCriService service;

    private CriRuntime(RuntimeCriService service) {
        this.service = service;
    }

    /**
     * Settings of the runtime.
     *
     * @param handler the name of the one runtime handler, besides the empty name
     * @param seccompProfiles where localhost profiles with a relative name lie
     * @param podShmSize bytes of a pod's /dev/shm
     */
    public record Settings(String handler, Path seccompProfiles, long podShmSize) {}

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
                settings.handler(),
                settings.seccompProfiles(),
                settings.podShmSize());
        Containers containers = new Containers(node);
        PodSandboxes sandboxes = new PodSandboxes(node, containers);
        new Recovery(node, sandboxes, containers).run();
        return new CriRuntime(new RuntimeCriService(node, version, sandboxes, containers));
    }

    /** What the gRPC server adds. */
    public BindableService service() {
        return service;
    }
}
