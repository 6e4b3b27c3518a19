package io.gantry.runtime;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.LinuxContainerResources;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.runtime.state.ContainerRecord;
import io.gantry.runtime.state.ContainerStatusRecord;
import io.gantry.runtime.state.PodRecord;
import io.gantry.runtime.state.PodStatusRecord;
import io.gantry.sandbox.SandboxException;
import io.gantry.sandbox.Shim;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the daemon does before it serves: finds the pods and containers that a former one left, asks their shims how they are, finishes or
 * rolls back what was half done. A record that cannot be read quarantines its pod or container and nothing else.
 */
final class Recovery {
    private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);

    private final Node node;
    private final PodSandboxes sandboxes;
    private final Containers containers;
    private final Abandoned abandoned;

    Recovery(Node node, PodSandboxes sandboxes, Containers containers) {
        this.node = node;
        this.sandboxes = sandboxes;
        this.containers = containers;
        this.abandoned = new Abandoned(node, containers);
    }

    void run() throws IOException, InterruptedException {
        RuntimeLayout layout = node.layout();
        Folders.delete(layout.tmp());
        for (Path folder :
                List.of(layout.tmp(), layout.pods(), layout.containers(), layout.podsRun(), layout.containersRun())) {
            Files.createDirectories(folder);
        }
        List<Pod> halfMade = new ArrayList<>();
        for (Path folder : list(layout.pods())) {
            load(folder, this::pod).ifPresent(pod -> {
                if (pod.state() instanceof PodState.Creating) {
                    halfMade.add(pod);
                }
                node.pods().publish(pod);
            });
        }
        for (Path folder : list(layout.containers())) {
            load(folder, this::container).ifPresent(this::take);
        }
        for (Pod pod : List.copyOf(node.pods().all())) {
            reconnect(pod);
        }
        for (Pod pod : halfMade) {
            rollBack(pod);
        }
        node.images().collectUnused();
        abandoned.endPods(list(layout.podsRun()));
        clearOrphans(
                layout.containersRun(), id -> node.containers().all().stream().anyMatch(c -> c.id().equals(id)));
    }

    /** Reads one record. */
    private interface Loader<T> {
        T load(Path folder) throws IOException;
    }

    private <T> Optional<T> load(Path folder, Loader<T> loader) {
        try {
            return Optional.of(loader.load(folder));
        } catch (IOException e) {
            Path aside = folder.resolveSibling(folder.getFileName() + ".bad");
            LOG.error("{} cannot be used and is put aside as {}: {}", folder, aside, e.getMessage());
            try {
                Files.move(folder, aside, StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException again) {
                LOG.error("{} cannot be put aside: {}", folder, again.toString());
            }
            return Optional.empty();
        }
    }

    private Pod pod(Path folder) throws IOException {
        PodRecord record = RecordFile.read(folder.resolve("config"), PodRecord.parser());
        PodStatusRecord status = RecordFile.read(folder.resolve("status"), PodStatusRecord.parser());
        PodSandboxConfig config = parse(folder, record.getConfig(), PodSandboxConfig::parseFrom);
        PodState state = PodState.of(status);
        // After a reboot nothing of it is there any more, whatever was true then.
        if (!record.getBootId().equals(node.bootId()) && !(state instanceof PodState.Stopped)) {
            state = new PodState.Stopping(state.network());
        }
        return new Pod(record.getId(), config, record.getRuntimeHandler(), record.getCreatedAt(), state);
    }

    private Container container(Path folder) throws IOException {
        ContainerRecord record = RecordFile.read(folder.resolve("config"), ContainerRecord.parser());
        ContainerStatusRecord status = RecordFile.read(folder.resolve("status"), ContainerStatusRecord.parser());
        ContainerConfig config = parse(folder, record.getConfig(), ContainerConfig::parseFrom);
        LinuxContainerResources resources = parse(folder, status.getResources(), LinuxContainerResources::parseFrom);
        Container container =
                new Container(record, config, new Container.Present(new ContainerState.Creating(), resources));
        container.show(new Container.Present(ContainerState.of(status), resources));
        return container;
    }

    private interface ProtoParser<T> {
        T parse(ByteString bytes) throws InvalidProtocolBufferException;
    }

    private static <T> T parse(Path folder, ByteString bytes, ProtoParser<T> parser) throws IOException {
        try {
            return parser.parse(bytes);
        } catch (InvalidProtocolBufferException e) {
            throw new IOException("record in " + folder + " cannot be read: " + e.getMessage(), e);
        }
    }

    private void take(Container container) {
        if (container.state() instanceof ContainerState.Creating) {
            // The call that was making it never answered. Its shim may have it; that is told to forget it below.
            node.containers().publish(container);
            return;
        }
        containers.adopt(container);
    }

    private void reconnect(Pod pod) {
        List<Container> own = node.containers().ofPod(pod.id());
        Optional<Shim> shim = Optional.empty();
        if (pod.state() instanceof PodState.Stopped) {
            return;
        }
        try {
            shim = node.shims().reconnect(node.layout().podRun(pod.id()));
            if (shim.isPresent()) {
                catchUp(pod, shim.get(), own);
            } else {
                new ShimLoss(node, containers).settle(pod);
            }
        } catch (SandboxException e) {
            LOG.error("pod {}: {}", pod.id(), e.getMessage());
            pod.attach(null);
            shim.ifPresentOrElse(
                    lost -> new ShimLoss(node, containers).settle(pod, lost),
                    () -> new ShimLoss(node, containers).settle(pod));
        }
        for (Container container : own) {
            if (container.state() instanceof ContainerState.Creating) {
                discard(container);
            }
        }
    }

    private void catchUp(Pod pod, Shim shim, List<Container> own) throws SandboxException {
        pod.attach(shim);
        containers.follow(pod, shim);
        Map<String, io.gantry.sandbox.ContainerState> seen = new HashMap<>();
        shim.state().forEach(container -> seen.put(container.id(), container));
        own.forEach(container -> catchUp(container, seen.remove(container.id())));
        seen.keySet().forEach(unknown -> abandoned.endContainer(pod, shim, unknown));
    }

    private void catchUp(
            Container container, io.gantry.sandbox.@org.jspecify.annotations.Nullable ContainerState seen) {
        if (container.state().isExited() || container.state() instanceof ContainerState.Creating) {
            return;
        }
        if (seen == null) {
            containers.exited(
                    container,
                    new ContainerState.Exited(0, node.now(), 255, "Error", "the container's shim does not know it"));
            return;
        }
        switch (seen.status()) {
            case EXITED -> seen.exit().ifPresent(containers::exited);
            case RUNNING -> running(container, seen);
            case CREATED -> {}
        }
    }

    /** The daemon ended between the start and its record. */
    private void running(Container container, io.gantry.sandbox.ContainerState seen) {
        try {
            node.containers()
                    .change(
                            container,
                            present -> present.with(new ContainerState.Running(
                                    seen.process().pid(), seen.process().startTime(), seen.startedNanos())));
        } catch (IOException e) {
            LOG.error("container {}: {}", container.id(), e.toString());
        }
    }

    private void discard(Container container) {
        try {
            containers.exited(container, new ContainerState.Exited(0, node.now(), 255, "Error", "never completed"));
            containers.remove(container);
            LOG.info("container {} was half made: removed", container.id());
        } catch (CriException e) {
            LOG.error("container {} was half made and cannot be removed: {}", container.id(), e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void rollBack(Pod pod) throws InterruptedException {
        try {
            sandboxes.remove(pod.id());
            LOG.info("pod {} was half made: removed", pod.id());
        } catch (CriException e) {
            LOG.error("pod {} was half made and cannot be removed: {}", pod.id(), e.getMessage());
        }
    }

    private interface Known {
        boolean is(String id);
    }

    private static void clearOrphans(Path folder, Known known) throws IOException {
        for (Path child : list(folder)) {
            if (!known.is(child.getFileName().toString())) {
                Folders.delete(child);
            }
        }
    }

    private static List<Path> list(Path folder) throws IOException {
        List<Path> children = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder)) {
            stream.forEach(child -> {
                if (!child.getFileName().toString().endsWith(".bad")) {
                    children.add(child);
                }
            });
        }
        return children;
    }
}
