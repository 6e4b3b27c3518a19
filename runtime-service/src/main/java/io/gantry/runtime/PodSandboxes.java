package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.linux.LinuxException;
import io.gantry.linux.Netns;
import io.gantry.sandbox.Cgroup;
import io.gantry.sandbox.SandboxException;
import io.gantry.sandbox.Shim;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The life of pods: run, stop, remove.
 *
 * <p>A client that timed out and asks again for the same pod joins the call under way, or gets the pod that came of it; names are never
 * locked. What must be undone is on disk before it is made (the pod's record), so {@link Recovery} can undo it after a crash.
 */
final class PodSandboxes {

    private final Node node;
    private final Containers containers;
    private final PodNetwork network;
    private final ConcurrentHashMap<PodKey, CompletableFuture<Pod>> underWay = new ConcurrentHashMap<>();

    PodSandboxes(Node node, Containers containers) {
        this.node = node;
        this.containers = containers;
        this.network = new PodNetwork(node.cni());
    }

    /** Releases, in the background, the networks of pods that are not known any more; to be called once all that are have been loaded. */
    void collectNetworks() {
        network.collect(
                id -> node.pods().all().stream().anyMatch(pod -> pod.id().equals(id)));
    }

    /** Makes and starts a pod; its addresses are known on return. */
    Pod run(PodSandboxConfig config, String handler) throws CriException, InterruptedException {
        PodChecks.check(config, handler, node.handler());
        node.userNamespaces().check(config);
        SelinuxOptions.check(
                "pod sandbox " + config.getMetadata().getName(),
                config.getLinux().getSecurityContext().getSelinuxOptions(),
                node.host().selinux());
        PodKey key = PodKey.of(config.getMetadata());
        CompletableFuture<Pod> mine = new CompletableFuture<>();
        CompletableFuture<Pod> first = underWay.putIfAbsent(key, mine);
        if (first != null) {
            return sameRequest(await(first), config);
        }
        try {
            Pod existing = node.pods().byKey(key);
            if (existing != null) {
                mine.complete(existing);
                return sameRequest(existing, config);
            }
            Pod pod = start(new Pod(Ids.fresh(), config, handler, node.now(), new PodState.Creating()));
            mine.complete(pod);
            return pod;
        } finally {
            // Whoever joined a call that failed is told so; their retry starts afresh.
            mine.completeExceptionally(new CriException(
                    CriException.Kind.UNAVAILABLE, "the call that was making pod " + key + " failed; try again"));
            underWay.remove(key, mine);
        }
    }

    private static Pod sameRequest(Pod pod, PodSandboxConfig config) throws CriException {
        if (pod.config().equals(config) && pod.state().isReady()) {
            return pod;
        }
        throw new CriException(
                CriException.Kind.ALREADY_EXISTS,
                "pod sandbox " + pod.key() + " exists already, with id " + pod.id()
                        + (pod.state().isReady()
                                ? " and another configuration"
                                : ", and is not ready: remove it first"));
    }

    private static Pod await(CompletableFuture<Pod> other) throws CriException, InterruptedException {
        try {
            return other.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof CriException cause) {
                throw new CriException(cause.kind(), String.valueOf(cause.getMessage()), cause);
            }
            throw new CriException(CriException.Kind.INTERNAL, String.valueOf(e.getCause()), e);
        }
    }

    private Pod start(Pod pod) throws CriException {
        RuntimeLayout layout = node.layout();
        Path run = layout.podRun(pod.id());
        try (Undo undo = new Undo("pod " + pod.id())) {
            node.pods().record(pod, node.bootId());
            undo.pushRecord("delete its record", () -> node.pods().erase(pod.id()));
            Files.createDirectories(run);
            undo.pushRecord("delete its run folder", () -> Folders.delete(run));
            String hostname = PodSpecs.hostname(pod.config(), node.host());
            PodFiles.writeResolvConf(
                    layout.resolvConf(pod.id()),
                    pod.config().hasDnsConfig(),
                    pod.config().getDnsConfig());
            PodFiles.writeHostname(layout.hostname(pod.id()), hostname);
            PodFiles.give(layout.resolvConf(pod.id()), pod.users());
            PodFiles.give(layout.hostname(pod.id()), pod.users());
            undo.push("release its mounts", () -> unmount(pod));
            undo.push("remove its cgroup", () -> PodSpecs.removeCgroup(pod, node.cgroups()));
            Cgroup born = PodSpecs.birthplace(pod, node.cgroups());
            Shim shim = node.shims()
                    .launch(run, born == null ? null : born.placement().execGroup());
            undo.push("end its shim", shim::shutdown);
            PodState.Init init = PodSpecs.start(shim, born, pod, hostname, node);
            PodState.Network attached = PodState.Network.NONE;
            if (!pod.hostNetwork()) {
                attached = network.attach(pod, layout.netns(pod.id()));
                undo.push("detach its network", () -> network.detach(pod, layout.netns(pod.id())));
            }
            PodFiles.writeHosts(layout.hosts(pod.id()), pod.hostNetwork(), hostname, attached.ips());
            PodFiles.give(layout.hosts(pod.id()), pod.users());
            pod.attach(shim);
            containers.follow(pod, shim);
            node.pods().change(pod, new PodState.Ready(attached, init));
            node.pods().publish(pod);
            undo.keep();
            return pod;
        } catch (SandboxException e) {
            throw Failures.of("run pod " + pod.key(), e);
        } catch (IOException e) {
            throw Failures.of("run pod " + pod.key(), e);
        }
    }

    /** Ends all processes of a pod and releases what it holds of the machine. Whatever of it is done already is passed over; an unknown pod is no error. */
    void stop(String idOrPrefix) throws CriException, InterruptedException {
        Pod pod = node.pods().find(idOrPrefix);
        if (pod != null) {
            stop(pod);
        }
    }

    void stop(Pod pod) throws CriException, InterruptedException {
        pod.lock().lockInterruptibly();
        try {
            if (pod.state() instanceof PodState.Stopped) {
                return;
            }
            PodState.Network attached = pod.state().network();
            node.pods().change(pod, new PodState.Stopping(attached));
            containers.endAll(pod);
            Path netns = netns(pod);
            if (!pod.hostNetwork()) {
                network.detach(pod, netns);
            }
            Shim shim = pod.shim();
            if (shim != null) {
                pod.attach(null);
                shim.shutdown();
            }
            PodSpecs.removeCgroup(pod, node.cgroups());
            unmount(pod);
            node.pods().change(pod, new PodState.Stopped(attached));
        } catch (SandboxException e) {
            throw Failures.of("stop pod " + pod.id(), e);
        } catch (IOException e) {
            throw Failures.of("stop pod " + pod.id(), e);
        } finally {
            pod.lock().unlock();
        }
    }

    /** Where the pod's network namespace is pinned, or null if it is gone. */
    @Nullable
    Path netns(Pod pod) {
        Path netns = node.layout().netns(pod.id());
        return Netns.exists(netns) ? netns : null;
    }

    private void unmount(Pod pod) throws LinuxException {
        for (Path mount :
                new Path[] {node.layout().netns(pod.id()), node.layout().shm(pod.id())}) {
            Folders.unmount(mount);
        }
    }

    /** Stops a pod and makes it forgotten, with its containers. An unknown pod is no error. */
    void remove(String idOrPrefix) throws CriException, InterruptedException {
        Pod pod = node.pods().find(idOrPrefix);
        if (pod == null) {
            return;
        }
        stop(pod);
        pod.lock().lockInterruptibly();
        try {
            containers.removeAll(pod);
            Folders.delete(node.layout().podRun(pod.id()));
            node.pods().remove(pod);
        } catch (IOException e) {
            throw Failures.of("remove pod " + pod.id(), e);
        } finally {
            pod.lock().unlock();
        }
    }
}
