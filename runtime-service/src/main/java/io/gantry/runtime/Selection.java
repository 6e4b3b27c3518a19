package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerFilter;
import io.gantry.cri.v1.ContainerStatsFilter;
import io.gantry.cri.v1.PodSandboxFilter;
import io.gantry.cri.v1.PodSandboxStatsFilter;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a list call's filter lets through. All its fields must fit; one that is empty fits everything. An id may be shortened, as crictl's
 * users do, and one that fits nothing gives an empty list.
 */
final class Selection {
    private Selection() {}

    static Collection<Pod> pods(PodStore store, PodSandboxFilter filter) throws CriException {
        return byId(store, filter.getId()).stream()
                .filter(pod -> PodViews.matches(pod, filter))
                .toList();
    }

    static Collection<Pod> ready(PodStore store, PodSandboxStatsFilter filter) throws CriException {
        return byId(store, filter.getId()).stream()
                .filter(pod -> pod.state().isReady()
                        && PodViews.hasLabels(pod.config().getLabelsMap(), filter.getLabelSelectorMap()))
                .toList();
    }

    static Collection<Container> containers(Node node, ContainerFilter filter) throws CriException {
        return byIds(node, filter.getId(), filter.getPodSandboxId()).stream()
                .filter(container -> ContainerViews.matches(container, filter))
                .toList();
    }

    /** For statistics: only containers that run, unless one is named. */
    static Collection<Container> running(Node node, ContainerStatsFilter filter) throws CriException {
        Map<String, String> labels = filter.getLabelSelectorMap();
        return byIds(node, filter.getId(), filter.getPodSandboxId()).stream()
                .filter(container ->
                        (container.state().isRunning() || !filter.getId().isEmpty())
                                && PodViews.hasLabels(container.config().getLabelsMap(), labels))
                .toList();
    }

    private static Collection<Pod> byId(PodStore store, String id) throws CriException {
        if (id.isEmpty()) {
            return store.all();
        }
        return one(store.find(id));
    }

    private static Collection<Container> byIds(Node node, String id, String podId) throws CriException {
        Collection<Container> found =
                id.isEmpty() ? node.containers().all() : one(node.containers().find(id));
        if (podId.isEmpty()) {
            return found;
        }
        Pod pod = node.pods().find(podId);
        return pod == null
                ? List.of()
                : found.stream().filter(c -> c.podId().equals(pod.id())).toList();
    }

    private static <T> Collection<T> one(@Nullable T found) {
        return found == null ? List.of() : List.of(found);
    }
}
