package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerEventType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The containers that exist, in memory and on disk. Reading never waits. */
final class ContainerStore {
    private final RuntimeLayout layout;
    private final ConcurrentSkipListMap<String, Container> byId = new ConcurrentSkipListMap<>();
    private final ConcurrentHashMap<ContainerKey, String> byKey = new ConcurrentHashMap<>();

    private volatile LifecycleListener listener = LifecycleListener.NONE;

    ContainerStore(RuntimeLayout layout) {
        this.layout = layout;
    }

    /** From now on {@code listener} hears of every change. */
    void listen(LifecycleListener heard) {
        listener = heard;
    }

    /** Puts the container on disk, its upper and work folders included, before anything else of it is made. */
    void record(Container container) throws IOException {
        Path building = layout.tmp().resolve("container-" + container.id());
        Files.createDirectories(building);
        Files.createDirectory(building.resolve("upper"));
        Files.createDirectory(building.resolve("work"));
        RecordFile.write(building.resolve("config"), container.record());
        RecordFile.write(building.resolve("status"), container.present().toRecord());
        Files.move(building, layout.container(container.id()), StandardCopyOption.ATOMIC_MOVE);
    }

    /** Makes a recorded container visible. */
    void publish(Container container) {
        byKey.put(container.key(), container.id());
        byId.put(container.id(), container);
        listener.container(container, ContainerEventType.CONTAINER_CREATED_EVENT);
    }

    /**
     * Replaces what can change of a container: first on disk, then for all to see. The new value is computed from the present one under
     * a monitor of its own, so that an exit that arrives while the container is being started is not lost.
     */
    void change(Container container, UnaryOperator<Container.Present> next) throws IOException {
        synchronized (container) {
            Container.Present before = container.present();
            Container.Present after = next.apply(before);
            if (after.equals(before)) {
                return;
            }
            RecordFile.write(layout.container(container.id()).resolve("status"), after.toRecord());
            show(container, before, after);
        }
    }

    /** As {@link #change} where the disk refuses the record, which must not keep an exit from being seen. */
    void changeUnrecorded(Container container, UnaryOperator<Container.Present> next) {
        synchronized (container) {
            Container.Present before = container.present();
            show(container, before, next.apply(before));
        }
    }

    private void show(Container container, Container.Present before, Container.Present after) {
        container.show(after);
        boolean exits = after.state().isExited() && !before.state().isExited();
        boolean starts = after.state() instanceof ContainerState.Exited exited
                // Of a container that exits at once the exit may be heard first.
                ? exits && !before.state().isRunning() && exited.startedAt() > 0
                : after.state().isRunning() && !before.state().isRunning();
        if (starts) {
            listener.container(container, ContainerEventType.CONTAINER_STARTED_EVENT);
        }
        if (exits) {
            listener.container(container, ContainerEventType.CONTAINER_STOPPED_EVENT);
        }
    }

    /** Takes a container's record off the disk: what undoes {@link #record}. */
    void erase(String id) throws IOException {
        Folders.discard(Folders.takeAway(layout.container(id), layout.tmp()));
    }

    /** Takes a container off the disk and out of sight. */
    void remove(Container container) throws IOException {
        Path removed = Folders.takeAway(layout.container(container.id()), layout.tmp());
        byId.remove(container.id());
        byKey.remove(container.key(), container.id());
        listener.container(container, ContainerEventType.CONTAINER_DELETED_EVENT);
        Folders.discard(removed);
    }

    /** All containers, ordered by id. */
    Collection<Container> all() {
        return byId.values();
    }

    List<Container> ofPod(String podId) {
        return byId.values().stream().filter(c -> c.podId().equals(podId)).toList();
    }

    @Nullable
    Container byKey(ContainerKey key) {
        String id = byKey.get(key);
        return id == null ? null : byId.get(id);
    }

    /** By id or unique prefix; null if there is none. */
    @Nullable
    Container find(String idOrPrefix) throws CriException {
        return Ids.resolve("container", idOrPrefix, byId);
    }

    /** By id or unique prefix. */
    Container require(String idOrPrefix) throws CriException {
        Container container = find(idOrPrefix);
        if (container == null) {
            throw CriException.notFound("no container with id " + idOrPrefix);
        }
        return container;
    }
}
