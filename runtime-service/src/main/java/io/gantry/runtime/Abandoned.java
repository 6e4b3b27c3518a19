package io.gantry.runtime;

import io.gantry.cni.CniException;
import io.gantry.cri.CriException;
import io.gantry.sandbox.SandboxException;
import io.gantry.sandbox.Shim;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What lives on of pods and containers whose records were put aside, or are gone. Nobody could stop or remove it by the CRI, and the
 * kubelet makes the pod anew, so it is ended.
 */
final class Abandoned {
    private static final Logger LOG = LoggerFactory.getLogger(Abandoned.class);

    private static final int SIGKILL = 9;
    private static final Duration KILL_PATIENCE = Duration.ofSeconds(10);

    private final Node node;
    private final Containers containers;

    Abandoned(Node node, Containers containers) {
        this.node = node;
        this.containers = containers;
    }

    /**
     * Ends every pod that has a run folder or containers, but no record.
     *
     * @param runFolders the pods' run folders
     */
    void endPods(List<Path> runFolders) throws IOException, InterruptedException {
        Set<String> ids = new HashSet<>();
        runFolders.forEach(folder -> ids.add(folder.getFileName().toString()));
        node.containers().all().forEach(container -> ids.add(container.podId()));
        node.pods().all().forEach(pod -> ids.remove(pod.id()));
        if (!ids.isEmpty()) {
            releaseNetworks(ids);
        }
        for (String id : ids) {
            endPod(id);
        }
    }

    /** While their namespaces are there: without them the bridge plugin leaves its masquerading rules. */
    private void releaseNetworks(Set<String> ids) {
        try {
            node.cni().gc(ids);
        } catch (CniException e) {
            LOG.warn("the networks of pods without usable records could not all be released: {}", e.getMessage());
        }
    }

    private void endPod(String id) throws IOException, InterruptedException {
        Path run = node.layout().podRun(id);
        List<Container> own = node.containers().ofPod(id);
        try {
            Optional<Shim> shim = node.shims().reconnect(run);
            if (shim.isPresent()) {
                end(shim.get());
            }
            String parent = own.isEmpty() ? null : own.getFirst().record().getCgroupParent();
            for (Container container : own) {
                containers.cgroup(container).kill();
                containers.exited(
                        container,
                        new ContainerState.Exited(0, node.now(), 137, "Error", "the record of its pod is lost"));
                containers.remove(container);
            }
            PodSpecs.removeCgroup(id, parent, node.cgroups());
            LOG.warn("pod {} has no usable record: it was ended, and its {} containers removed", id, own.size());
        } catch (SandboxException | CriException e) {
            LOG.error("pod {} has no usable record and cannot be ended: {}", id, e.getMessage());
        }
        for (String mount : List.of("netns", "shm")) {
            Folders.unmount(run.resolve(mount));
        }
        Folders.delete(run);
    }

    private static void end(Shim shim) throws SandboxException {
        try {
            shim.shutdown();
        } catch (SandboxException e) {
            shim.destroy();
        }
    }

    /**
     * Ends a container that its shim knows and the store does not.
     *
     * @param pod its pod, whose shim is attached
     */
    void endContainer(Pod pod, Shim shim, String id) {
        try {
            if (shim.kill(id, SIGKILL, true)) {
                shim.waitFor(id, KILL_PATIENCE);
            }
            shim.delete(id);
            node.cgroups()
                    .open(PodSpecs.cgroupParent(pod, node.cgroups()), PodSpecs.leaf(id, node.cgroups()))
                    .remove();
            LOG.warn("container {} of pod {} has no usable record: it was ended", id, pod.id());
        } catch (SandboxException e) {
            LOG.error(
                    "container {} of pod {} has no usable record and cannot be ended: {}",
                    id,
                    pod.id(),
                    e.getMessage());
        }
    }
}
