package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.LinuxContainerResources;
import io.gantry.image.ImageException;
import io.gantry.linux.ProcessId;
import io.gantry.runtime.state.ContainerRecord;
import io.gantry.sandbox.Cgroup;
import io.gantry.sandbox.Cgroups;
import io.gantry.sandbox.ContainerExit;
import io.gantry.sandbox.FirstProcess;
import io.gantry.sandbox.SandboxException;
import io.gantry.sandbox.Shim;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The life of containers: create, start, stop, remove. */
final class Containers {
    private static final Logger LOG = LoggerFactory.getLogger(Containers.class);
    private static final int SIGKILL = 9;
    /** How long after SIGKILL an exit may take: the kernel may have to end a process that waits for a disk. */
    private static final Duration KILL_PATIENCE = Duration.ofSeconds(30);

    private final Node node;
    private final ContainerSpecs specs;
    private final HeldImages images;
    private final ConcurrentHashMap<String, CompletableFuture<Void>> cgroupRemovals = new ConcurrentHashMap<>();
    /** Containers whose start is under way, with an exit that was told meanwhile: one whose exec failed has ended too, but that is not its story. */
    private final ConcurrentHashMap<String, Optional<ContainerExit>> starting = new ConcurrentHashMap<>();

    private final ConcurrentHashMap<ContainerKey, Boolean> underWay = new ConcurrentHashMap<>();

    Containers(Node node) {
        this.node = node;
        this.images = new HeldImages(node.images());
        this.specs = new ContainerSpecs(node);
    }

    /** Does in advance what would make the first container slow. */
    void warmUp() {
        try {
            specs.warmUp();
        } catch (SandboxException e) {
            LOG.error("the default seccomp profile does not compile: {}", e.getMessage());
        }
    }

    /** Makes a container: everything up to the exec of its command is done, and whatever of it can fail has not. */
    Container create(Pod pod, ContainerConfig config) throws CriException {
        ContainerChecks.check(pod, config);
        SelinuxOptions.check(
                "container " + config.getMetadata().getName(),
                config.getLinux().getSecurityContext().getSelinuxOptions(),
                node.host().selinux());
        ContainerKey key = ContainerKey.of(pod.id(), config.getMetadata());
        if (underWay.putIfAbsent(key, true) != null) {
            throw new CriException(
                    CriException.Kind.UNAVAILABLE,
                    "container " + key + " is being created by an earlier call; try again");
        }
        try {
            Container existing = node.containers().byKey(key);
            if (existing == null) {
                return make(pod, config);
            }
            // The retry of a client that did not wait for the answer.
            if (existing.config().equals(config) && existing.state().canStart()) {
                return existing;
            }
            throw new CriException(
                    CriException.Kind.ALREADY_EXISTS, "container " + key + " exists already, with id " + existing.id());
        } finally {
            underWay.remove(key);
        }
    }

    private Container make(Pod pod, ContainerConfig config) throws CriException {
        String id = Ids.fresh();
        String name = config.getMetadata().getName();
        String tried = "create container " + name + " in pod " + pod.id();
        RuntimeLayout layout = node.layout();
        Shim shim = pod.requireShim();
        try (Undo undo = new Undo("container " + name + " (" + id + ")")) {
            HeldImages.Of held = images.hold(config);
            undo.push("let go of its images", held::close);
            ContainerSpecs.Plan plan = specs.plan(id, pod, config, held);
            ImageNames names = ImageNames.of(config.getImage(), held.own());
            ContainerRecord record = ContainerRecord.newBuilder()
                    .setId(id)
                    .setPodId(pod.id())
                    .setConfig(config.toByteString())
                    .setImageId(held.own().id())
                    .setImageName(names.name())
                    .setImageReference(names.reference())
                    .setCreatedAt(node.now())
                    .setLogPath(plan.log() == null ? "" : plan.log().toString())
                    .setUid(Integer.toUnsignedLong(plan.process().user().uid()))
                    .setGid(Integer.toUnsignedLong(plan.process().user().gid()))
                    .addAllSupplementalGroups(plan.process().user().groups().stream()
                            .map(Integer::toUnsignedLong)
                            .toList())
                    .setStopSignal(plan.stopSignal())
                    .setProcess(ProcessRecords.of(plan.process()))
                    .setCgroupParent(PodSpecs.cgroupParent(pod, node.cgroups()))
                    .putAllMountedImages(held.mountedIds())
                    .build();
            LinuxContainerResources resources = config.getLinux().getResources();
            Container container =
                    new Container(record, config, new Container.Present(new ContainerState.Creating(), resources));
            node.containers().record(container);
            undo.pushRecord("delete its record", () -> node.containers().erase(id));
            Files.createDirectories(layout.rootfs(id));
            undo.push("delete its run folder", () -> Folders.delete(layout.containerRun(id)));
            for (Path volume : plan.volumes()) {
                Files.createDirectories(volume);
            }
            if (plan.log() != null && plan.log().getParent() != null) {
                Files.createDirectories(plan.log().getParent());
            }
            ProcessId process = isolate(pod, shim, record.getCgroupParent(), plan, undo);
            undo.push("end it", () -> shim.delete(id));
            node.containers()
                    .change(
                            container,
                            present -> present.with(new ContainerState.Created(process.pid(), process.startTime())));
            if (!pod.state().isReady()) {
                throw CriException.precondition("pod " + pod.id() + " was stopped meanwhile");
            }
            node.containers().publish(container);
            images.keep(id, held);
            undo.keep();
            if (!pod.state().isReady()) {
                // The stop of the pod came between the look and the publishing, and did not see this one.
                exited(container, neverStarted());
            }
            return container;
        } catch (SandboxException e) {
            throw Failures.of(e.step().equals("image") ? RequestedMounts.IMAGE_FAILED + tried : tried, e);
        } catch (ImageException e) {
            throw Failures.of(tried, e);
        } catch (IOException e) {
            throw Failures.of(tried, e);
        }
    }

    /** Makes the cgroup, and the container in it. Systemd makes no scope without a process: one that only waits is born before the container's own. */
    private ProcessId isolate(Pod pod, Shim shim, String parent, ContainerSpecs.Plan plan, Undo undo)
            throws SandboxException {
        Cgroups cgroups = node.cgroups();
        try (Shim.Hold first = cgroups.driver() == Cgroups.Driver.SYSTEMD ? shim.hold() : null) {
            Cgroup cgroup = cgroups.create(
                    parent,
                    PodSpecs.leaf(plan.id(), cgroups),
                    first == null ? FirstProcess.NONE : new FirstProcess(first.pid(), PodSpecs.leaf(pod.id(), cgroups)),
                    plan.resources());
            undo.push("remove its cgroup", cgroup::remove);
            return shim.create(plan.spec(cgroup.placement()));
        }
    }

    /** Lets a created container exec its command. */
    void start(Container container) throws CriException {
        container.lock().lock();
        try {
            starting.put(container.id(), Optional.empty());
            if (!container.state().canStart()) {
                throw CriException.precondition("container " + container.id() + " cannot be started: it is "
                        + ContainerViews.state(container) + ", not CONTAINER_CREATED");
            }
            Pod pod = node.pods().require(container.podId());
            long started = pod.requireShim().start(container.id());
            node.containers().change(container, present -> {
                // The exit may have come first; it knows when the start was.
                if (present.state() instanceof ContainerState.Created(long pid, long pidStart)) {
                    return present.with(new ContainerState.Running(pid, pidStart, started));
                }
                return present;
            });
        } catch (SandboxException e) {
            failedStart(container, e);
            throw Failures.of("start container " + container.id(), e);
        } catch (IOException e) {
            throw Failures.of("start container " + container.id(), e);
        } finally {
            Optional<ContainerExit> early = starting.remove(container.id());
            container.lock().unlock();
            if (early != null) {
                early.ifPresent(this::exited);
            }
        }
    }

    /** A kubelet restarts what is left CREATED without any back-off: a start that failed must look like an exit. */
    private void failedStart(Container container, SandboxException cause) {
        exited(
                container,
                new ContainerState.Exited(0, node.now(), 128, "StartError", String.valueOf(cause.getMessage())));
        try {
            node.pods().require(container.podId()).requireShim().delete(container.id());
        } catch (CriException | SandboxException e) {
            LOG.warn("container {} failed to start and its shim did not forget it: {}", container.id(), e.toString());
        }
    }

    /**
     * Asks a container to end and, after the grace period, ends it. Not running is no error. The grace period is waited for without any
     * lock: another, shorter stop overtakes.
     *
     * @param grace 0 kills at once
     */
    void stop(Container container, Duration grace) throws CriException, InterruptedException {
        if (!container.state().isRunning()) {
            return;
        }
        Shim shim = node.pods().require(container.podId()).shim();
        if (shim == null) {
            return;
        }
        try {
            if (!grace.isZero() && signal(shim, container, container.record().getStopSignal(), false)) {
                if (exitsWithin(container, grace)) {
                    return;
                }
                LOG.info("container {} did not end within {} s: killing it", container.id(), grace.toSeconds());
            }
            signal(shim, container, SIGKILL, true);
            if (!exitsWithin(container, KILL_PATIENCE)) {
                throw new CriException(
                        CriException.Kind.DEADLINE_EXCEEDED,
                        "container " + container.id() + " was sent SIGKILL and has not ended after "
                                + KILL_PATIENCE.toSeconds() + " s: a process of it may hang in the kernel");
            }
        } catch (SandboxException e) {
            throw Failures.of("stop container " + container.id(), e);
        }
    }

    /** Whether there still was something to signal. */
    private static boolean signal(Shim shim, Container container, int signal, boolean all) throws SandboxException {
        try {
            return shim.kill(container.id(), signal, all);
        } catch (SandboxException e) {
            if (e.kind() == SandboxException.Kind.NOT_FOUND) {
                return false;
            }
            throw e;
        }
    }

    private static boolean exitsWithin(Container container, Duration time) throws InterruptedException {
        try {
            container.exit().get(time.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            throw new IllegalStateException("an exit is never completed exceptionally", e);
        }
    }

    /** Ends a container if it runs and makes it forgotten. */
    void remove(Container container) throws CriException, InterruptedException {
        stop(container, Duration.ZERO);
        container.lock().lockInterruptibly();
        try {
            if (node.containers().find(container.id()) == null) {
                return;
            }
            Pod pod = node.pods().find(container.podId());
            Shim shim = pod == null ? null : pod.shim();
            if (shim != null) {
                forget(shim, container);
            }
            // Two at once would keep each other waiting in the kernel.
            CompletableFuture<Void> removal = cgroupRemovals.remove(container.id());
            if (removal != null) {
                removal.join();
            }
            cgroup(container).remove();
            Folders.delete(node.layout().containerRun(container.id()));
            node.containers().remove(container);
            images.release(container.id());
        } catch (SandboxException e) {
            throw Failures.of("remove container " + container.id(), e);
        } catch (IOException e) {
            throw Failures.of("remove container " + container.id(), e);
        } finally {
            container.lock().unlock();
        }
    }

    private static void forget(Shim shim, Container container) throws SandboxException {
        try {
            shim.delete(container.id());
        } catch (SandboxException e) {
            if (e.kind() != SandboxException.Kind.NOT_FOUND && e.kind() != SandboxException.Kind.UNAVAILABLE) {
                throw e;
            }
        }
    }

    /** Ends all containers of a pod at once, for its stop: those that were never started too. */
    void endAll(Pod pod) throws CriException, InterruptedException {
        for (Container container : node.containers().ofPod(pod.id())) {
            Shim shim = pod.shim();
            if (shim != null && container.state().isRunning()) {
                try {
                    signal(shim, container, SIGKILL, true);
                } catch (SandboxException e) {
                    LOG.warn("container {} could not be killed: {}", container.id(), e.toString());
                }
            }
        }
        for (Container container : node.containers().ofPod(pod.id())) {
            stop(container, Duration.ZERO);
            if (container.state().canStart()) {
                exited(container, neverStarted());
            }
        }
    }

    private ContainerState.Exited neverStarted() {
        return new ContainerState.Exited(0, node.now(), 137, "Error", "the pod was stopped before it was started");
    }

    void removeAll(Pod pod) throws CriException, InterruptedException {
        for (Container container : node.containers().ofPod(pod.id())) {
            remove(container);
        }
    }

    Cgroup cgroup(Container container) throws SandboxException {
        return node.cgroups().open(container.record().getCgroupParent(), PodSpecs.leaf(container.id(), node.cgroups()));
    }

    /** Takes a container that was there when the daemon started. */
    void adopt(Container container) {
        images.adopt(container);
        node.containers().publish(container);
    }

    /** Hears of the exits of a pod's containers from now on, and of the end of its shim. */
    void follow(Pod pod, Shim shim) throws SandboxException {
        shim.events(this::exited, () -> shimEnded(pod, shim));
    }

    void exited(ContainerExit exit) {
        if (starting.computeIfPresent(exit.id(), (id, none) -> Optional.of(exit)) != null) {
            return;
        }
        Container container;
        try {
            container = node.containers().find(exit.id());
        } catch (CriException e) {
            throw new IllegalStateException("a full id is never ambiguous", e);
        }
        if (container != null) {
            exited(container, ContainerExits.of(exit));
            cgroupRemovals.put(
                    container.id(),
                    CompletableFuture.runAsync(() -> removeCgroup(container), Thread::startVirtualThread));
        }
    }

    private void removeCgroup(Container container) {
        try {
            cgroup(container).remove();
        } catch (SandboxException e) {
            // The removal of the container tries again, and tells its caller.
            LOG.debug("cgroup of container {}: {}", container.id(), e.getMessage());
        }
    }

    /** Records an exit, once; what is left of its cgroup goes in the background. */
    void exited(Container container, ContainerState.Exited exited) {
        try {
            node.containers().change(container, present -> present.state().isExited() ? present : present.with(exited));
        } catch (IOException e) {
            // The exit file of the shim is still there: the next start of the daemon finds it.
            LOG.error("the exit of container {} could not be recorded: {}", container.id(), e.toString());
            node.containers()
                    .changeUnrecorded(
                            container, present -> present.state().isExited() ? present : present.with(exited));
        }
    }

    /** The connection that tells of exits has ended. Where the shim still is, it is asked again: only a dead one has lost its containers. */
    private void shimEnded(Pod pod, Shim shim) {
        if (pod.shim() != shim) {
            return;
        }
        try {
            if (shim.isAlive()) {
                follow(pod, shim);
                shim.state().forEach(seen -> seen.exit().ifPresent(this::exited));
                return;
            }
        } catch (SandboxException e) {
            LOG.error("the shim of pod {} does not answer and is given up: {}", pod.id(), e.getMessage());
        }
        LOG.error("the shim of pod {} has ended by itself: its containers are lost", pod.id());
        pod.attach(null);
        new ShimLoss(node, this).settle(pod, shim);
    }
}
