package io.gantry.runtime;

import io.gantry.cri.v1.LinuxPodSandboxStatus;
import io.gantry.cri.v1.Namespace;
import io.gantry.cri.v1.PodIP;
import io.gantry.cri.v1.PodSandbox;
import io.gantry.cri.v1.PodSandboxFilter;
import io.gantry.cri.v1.PodSandboxNetworkStatus;
import io.gantry.cri.v1.PodSandboxState;
import io.gantry.cri.v1.PodSandboxStatus;
import java.util.List;
import java.util.Map;

/** Pods as the CRI shows them. */
final class PodViews {
    private PodViews() {}

    static PodSandboxState state(Pod pod) {
        return pod.state().isReady() ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY;
    }

    static PodSandbox item(Pod pod) {
        return PodSandbox.newBuilder()
                .setId(pod.id())
                .setMetadata(pod.config().getMetadata())
                .setState(state(pod))
                .setCreatedAt(pod.createdAt())
                .putAllLabels(pod.config().getLabelsMap())
                .putAllAnnotations(pod.config().getAnnotationsMap())
                .setRuntimeHandler(pod.runtimeHandler())
                .build();
    }

    static PodSandboxStatus status(Pod pod) {
        PodSandboxStatus.Builder status = PodSandboxStatus.newBuilder()
                .setId(pod.id())
                .setMetadata(pod.config().getMetadata())
                .setState(state(pod))
                .setCreatedAt(pod.createdAt())
                .putAllLabels(pod.config().getLabelsMap())
                .putAllAnnotations(pod.config().getAnnotationsMap())
                .setRuntimeHandler(pod.runtimeHandler())
                .setLinux(LinuxPodSandboxStatus.newBuilder()
                        .setNamespaces(Namespace.newBuilder().setOptions(pod.namespaces())));
        PodSandboxNetworkStatus.Builder network = PodSandboxNetworkStatus.newBuilder();
        List<String> ips = pod.state().network().ips();
        // A stopped pod's addresses belong to others by now.
        if (pod.state().isReady() && !ips.isEmpty()) {
            network.setIp(ips.getFirst());
            ips.stream()
                    .skip(1)
                    .forEach(ip -> network.addAdditionalIps(PodIP.newBuilder().setIp(ip)));
        }
        return status.setNetwork(network).build();
    }

    /** Whether {@code pod} passes {@code filter}; an empty field of it, or an empty filter, lets everything pass. The id is matched apart. */
    static boolean matches(Pod pod, PodSandboxFilter filter) {
        return (!filter.hasState() || filter.getState().getState() == state(pod))
                && hasLabels(pod.config().getLabelsMap(), filter.getLabelSelectorMap());
    }

    /** Equality selectors only, as the CRI defines them. */
    static boolean hasLabels(Map<String, String> labels, Map<String, String> selector) {
        return selector.entrySet().stream().allMatch(wanted -> wanted.getValue().equals(labels.get(wanted.getKey())));
    }
}
