package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerEventType;
import io.gantry.runtime.state.PodRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Collection;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import org.jspecify.annotations.Nullable;

/** The pods that exist, in memory and on disk. Reading never waits. */
final class PodStore {
    private final RuntimeLayout layout;
    private final ConcurrentSkipListMap<String, Pod> byId = new ConcurrentSkipListMap<>();
    private final ConcurrentHashMap<PodKey, String> byKey = new ConcurrentHashMap<>();

    private volatile LifecycleListener listener = LifecycleListener.NONE;

    PodStore(RuntimeLayout layout) {
        this.layout = layout;
    }

    /** From now on {@code listener} hears of every change. */
    void listen(LifecycleListener heard) {
        listener = heard;
    }

    /** Puts the pod on disk, before anything of it is made; it is listed only once {@link #publish}ed. */
    void record(Pod pod, String bootId) throws IOException {
        Path building = layout.tmp().resolve("pod-" + pod.id());
        Files.createDirectories(building);
        RecordFile.write(
                building.resolve("config"),
                PodRecord.newBuilder()
                        .setId(pod.id())
                        .setConfig(pod.config().toByteString())
                        .setRuntimeHandler(pod.runtimeHandler())
                        .setCreatedAt(pod.createdAt())
                        .setBootId(bootId)
                        .build());
        RecordFile.write(building.resolve("status"), pod.state().toRecord());
        Files.move(building, layout.pod(pod.id()), StandardCopyOption.ATOMIC_MOVE);
    }

    /** Makes a recorded pod visible. */
    void publish(Pod pod) {
        byKey.put(pod.key(), pod.id());
        byId.put(pod.id(), pod);
        listener.pod(pod, ContainerEventType.CONTAINER_CREATED_EVENT);
        if (pod.state().isReady()) {
            listener.pod(pod, ContainerEventType.CONTAINER_STARTED_EVENT);
        }
    }

    /** Moves a pod to {@code next}: first on disk, then for all to see. */
    void change(Pod pod, PodState next) throws IOException {
        RecordFile.write(layout.pod(pod.id()).resolve("status"), next.toRecord());
        boolean lost = pod.state().isReady() && !next.isReady() && pod.shim() == null;
        pod.show(next);
        // A stop is told when it is complete; a pod whose shim died is no more ready without anybody having asked.
        if (lost || next instanceof PodState.Stopped) {
            listener.pod(pod, ContainerEventType.CONTAINER_STOPPED_EVENT);
        }
    }

    /** Takes a pod's record off the disk: what undoes {@link #record}. */
    void erase(String id) throws IOException {
        Folders.discard(Folders.takeAway(layout.pod(id), layout.tmp()));
    }

    /** Takes a pod off the disk and out of sight. */
    void remove(Pod pod) throws IOException {
        Path removed = Folders.takeAway(layout.pod(pod.id()), layout.tmp());
        byId.remove(pod.id());
        byKey.remove(pod.key(), pod.id());
        listener.pod(pod, ContainerEventType.CONTAINER_DELETED_EVENT);
        Folders.discard(removed);
    }

    /** All pods, ordered by id. */
    Collection<Pod> all() {
        return byId.values();
    }

    /** By whole id; null if there is none. */
    @Nullable
    Pod get(String id) {
        return byId.get(id);
    }

    @Nullable
    Pod byKey(PodKey key) {
        String id = byKey.get(key);
        return id == null ? null : byId.get(id);
    }

    /** By id or unique prefix; null if there is none. */
    @Nullable
    Pod find(String idOrPrefix) throws CriException {
        return Ids.resolve("pod sandbox", idOrPrefix, byId);
    }

    /** By id or unique prefix. */
    Pod require(String idOrPrefix) throws CriException {
        Pod pod = find(idOrPrefix);
        if (pod == null) {
            throw CriException.notFound("no pod sandbox with id " + idOrPrefix);
        }
        return pod;
    }
}
