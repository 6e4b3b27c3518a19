package io.gantry.runtime;

import io.gantry.cri.v1.NetworkInterfaceUsage;
import io.gantry.cri.v1.NetworkUsage;
import io.gantry.cri.v1.UInt64Value;
import io.gantry.linux.Netns;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What pods send and receive, read in their network namespaces. */
final class PodTraffic {
    private static final Logger LOG = LoggerFactory.getLogger(PodTraffic.class);
    private static final String DEFAULT_INTERFACE = "eth0";
    /** Of the thread that is in the namespace: /proc/net is the main thread's. */
    private static final Path NET_DEV = Path.of("/proc/thread-self/net/dev");

    private final Node node;

    PodTraffic(Node node) {
        this.node = node;
    }

    /** The pod's interfaces, the default one first; none of a pod in the host's network, whose traffic is not its own. */
    List<NetworkInterface> of(Pod pod) {
        Path netns = node.layout().netns(pod.id());
        if (pod.hostNetwork() || !Netns.exists(netns)) {
            return List.of();
        }
        try {
            List<NetworkInterface> interfaces =
                    new ArrayList<>(NetworkInterface.parse(Netns.call(netns, () -> Files.readString(NET_DEV))));
            interfaces.sort((a, b) ->
                    Boolean.compare(b.name().equals(DEFAULT_INTERFACE), a.name().equals(DEFAULT_INTERFACE)));
            return interfaces;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return List.of();
        } catch (Exception e) {
            // The pod may be stopping: what else there is to tell of it is told.
            LOG.debug("network usage of pod {}: {}", pod.id(), e.toString());
            return List.of();
        }
    }

    /** Empty where there is no interface: a kubelet takes it that network usage has a default one. */
    Optional<NetworkUsage> usage(Pod pod) {
        List<NetworkInterface> interfaces = of(pod);
        if (interfaces.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(NetworkUsage.newBuilder()
                .setTimestamp(node.now())
                .setDefaultInterface(message(interfaces.getFirst()))
                .addAllInterfaces(
                        interfaces.stream().skip(1).map(PodTraffic::message).toList())
                .build());
    }

    private static NetworkInterfaceUsage message(NetworkInterface device) {
        return NetworkInterfaceUsage.newBuilder()
                .setName(device.name())
                .setRxBytes(UInt64Value.newBuilder().setValue(device.rxBytes()))
                .setRxErrors(UInt64Value.newBuilder().setValue(device.rxErrors()))
                .setTxBytes(UInt64Value.newBuilder().setValue(device.txBytes()))
                .setTxErrors(UInt64Value.newBuilder().setValue(device.txErrors()))
                .build();
    }
}
