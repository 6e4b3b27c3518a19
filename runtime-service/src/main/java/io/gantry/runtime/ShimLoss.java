package io.gantry.runtime;

import io.gantry.sandbox.ContainerExit;
import io.gantry.sandbox.SandboxException;
import io.gantry.sandbox.Shim;
import java.io.IOException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is left to do when a pod's shim is gone: its containers' exits are in the files that it wrote before it told anybody. What has no
 * such file may still run without a parent; it is ended, since nobody could tell of its exit.
 */
final class ShimLoss {
    private static final Logger LOG = LoggerFactory.getLogger(ShimLoss.class);
    private static final int KILLED = 137;

    private final Node node;
    private final Containers containers;

    ShimLoss(Node node, Containers containers) {
        this.node = node;
        this.containers = containers;
    }

    /** The same, for a shim that may be there still, but does not answer. */
    void settle(Pod pod, Shim shim) {
        try {
            shim.destroy();
        } catch (SandboxException e) {
            LOG.error("pod {}: {}", pod.id(), e.getMessage());
        }
        settle(pod);
    }

    /** Settles every container of the pod, and takes the pod out of service; its network goes with its stop. */
    void settle(Pod pod) {
        for (Container container : node.containers().ofPod(pod.id())) {
            if (!container.state().isExited()) {
                containers.exited(container, settle(container));
            }
        }
        try {
            if (pod.state().isReady()) {
                node.pods().change(pod, new PodState.Stopping(pod.state().network()));
            }
        } catch (IOException e) {
            LOG.error("pod {} could not be marked as not ready: {}", pod.id(), e.toString());
        }
    }

    private ContainerState.Exited settle(Container container) {
        try {
            Optional<ContainerExit> exit = ContainerExit.read(node.layout().exit(container.id()));
            containers.cgroup(container).kill();
            if (exit.isPresent()) {
                return ContainerExits.of(exit.get());
            }
        } catch (SandboxException e) {
            LOG.warn("container {} lost its shim: {}", container.id(), e.getMessage());
        }
        long started = container.state() instanceof ContainerState.Running running ? running.startedAt() : 0;
        return new ContainerState.Exited(
                started,
                node.now(),
                KILLED,
                "Error",
                "the process that kept the container ended; what was left of it was killed");
    }
}
