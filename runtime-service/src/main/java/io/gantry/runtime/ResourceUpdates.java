package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.LinuxContainerResources;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.cri.v1.UpdatePodSandboxResourcesRequest;
import io.gantry.sandbox.Cgroup;
import io.gantry.sandbox.SandboxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Limits changed while pods and containers live. */
final class ResourceUpdates {
    private static final Logger LOG = LoggerFactory.getLogger(ResourceUpdates.class);

    private final Node node;
    private final Containers containers;

    ResourceUpdates(Node node, Containers containers) {
        this.node = node;
        this.containers = containers;
    }

    /**
     * Changes a container's limits, all or none; done, and told by its status, when this returns.
     *
     * @throws CriException FAILED_PRECONDITION if it has exited, INVALID if the kernel refuses a value
     */
    void update(Container container, LinuxContainerResources wanted) throws CriException {
        String tried = "update resources of container " + container.id();
        container.lock().lock();
        try {
            LinuxContainerResources present = container.present().resources();
            ResourceChange change = ResourceChange.of(present, wanted);
            Cgroup cgroup = requireLive(container);
            cgroup.update(ContainerSpecs.limits(change.toApply()).build());
            try {
                node.containers().change(container, now -> new Container.Present(now.state(), change.merged()));
            } catch (IOException e) {
                restore(container, cgroup, present);
                throw Failures.of(tried, e);
            }
        } catch (SandboxException e) {
            if (container.state().isExited()) {
                // It ended meanwhile, and its cgroup with it.
                throw exited(container);
            }
            throw Failures.of(tried, e);
        } finally {
            container.lock().unlock();
        }
    }

    private Cgroup requireLive(Container container) throws CriException, SandboxException {
        if (container.state().isExited()) {
            throw exited(container);
        }
        return containers.cgroup(container);
    }

    private static CriException exited(Container container) {
        return CriException.precondition(
                "container " + container.id() + " has exited: its resources cannot be updated");
    }

    private static void restore(Container container, Cgroup cgroup, LinuxContainerResources former) {
        try {
            cgroup.update(ContainerSpecs.limits(former).build());
        } catch (SandboxException e) {
            LOG.warn("the limits of container {} could not be put back: {}", container.id(), e.getMessage());
        }
    }

    /**
     * Keeps what the kubelet says of a pod's resources. The pod's cgroup is the kubelet's own and it has changed that before it calls;
     * there is nothing to enforce here.
     */
    void update(Pod pod, UpdatePodSandboxResourcesRequest request) throws CriException {
        pod.lock().lock();
        try {
            if (node.pods().get(pod.id()) != pod) {
                throw CriException.notFound("no pod sandbox with id " + pod.id());
            }
            PodSandboxConfig.Builder config = config(pod).toBuilder();
            if (request.hasOverhead()) {
                config.getLinuxBuilder().setOverhead(request.getOverhead());
            }
            if (request.hasResources()) {
                config.getLinuxBuilder().setResources(request.getResources());
            }
            RecordFile.write(
                    node.layout().podResources(pod.id()),
                    UpdatePodSandboxResourcesRequest.newBuilder()
                            .setPodSandboxId(pod.id())
                            .setOverhead(config.getLinux().getOverhead())
                            .setResources(config.getLinux().getResources())
                            .build());
        } catch (IOException e) {
            throw Failures.of("update resources of pod " + pod.id(), e);
        } finally {
            pod.lock().unlock();
        }
    }

    /** The pod's configuration with the resources that it was last told. */
    PodSandboxConfig config(Pod pod) {
        Path file = node.layout().podResources(pod.id());
        if (!Files.exists(file)) {
            return pod.config();
        }
        try {
            UpdatePodSandboxResourcesRequest last = RecordFile.read(file, UpdatePodSandboxResourcesRequest.parser());
            PodSandboxConfig.Builder config = pod.config().toBuilder();
            config.getLinuxBuilder().setOverhead(last.getOverhead()).setResources(last.getResources());
            return config.build();
        } catch (IOException e) {
            LOG.warn("the resources of pod {} are not known: {}", pod.id(), e.toString());
            return pod.config();
        }
    }
}
