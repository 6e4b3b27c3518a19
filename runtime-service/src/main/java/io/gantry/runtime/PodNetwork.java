package io.gantry.runtime;

import io.gantry.cni.Attachment;
import io.gantry.cni.Bandwidth;
import io.gantry.cni.CapabilityArgs;
import io.gantry.cni.Cni;
import io.gantry.cni.CniException;
import io.gantry.cni.CniResult;
import io.gantry.cri.CriException;
import io.gantry.cri.v1.DNSConfig;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.cri.v1.PodSandboxMetadata;
import io.gantry.cri.v1.PortMapping;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A pod's attachment to the default CNI network: from the CRI's words to CNI's. */
final class PodNetwork {
    private static final Logger LOG = LoggerFactory.getLogger(PodNetwork.class);
    private static final String INTERFACE = "eth0";

    private final Cni cni;

    PodNetwork(Cni cni) {
        this.cni = cni;
    }

    /** Gives the pod its addresses, the primary one first. On failure nothing is left attached. */
    PodState.Network attach(Pod pod, Path netns) throws CriException {
        try {
            CniResult result = cni.add(attachment(pod, netns));
            List<String> ips = result.addressesOf(INTERFACE);
            if (ips.isEmpty()) {
                cni.del(attachment(pod, netns));
                throw new CriException(
                        CriException.Kind.INTERNAL, "network of pod " + pod.id() + ": the CNI plugins gave no address");
            }
            return new PodState.Network(ips, result.json());
        } catch (CniException e) {
            throw new CriException(CriException.Kind.INTERNAL, "network of pod " + pod.id() + ": " + e.getMessage(), e);
        }
    }

    /** Takes the pod off its network; {@code netns} is null where the namespace is gone, the plugins run all the same. */
    void detach(Pod pod, @Nullable Path netns) throws CriException {
        try {
            cni.del(attachment(pod, netns));
        } catch (CniException e) {
            throw new CriException(
                    CriException.Kind.INTERNAL, "release the network of pod " + pod.id() + ": " + e.getMessage(), e);
        }
    }

    /**
     * Detaches, in the background, what a former daemon attached for pods that are not known any more: of one that was put aside, or whose
     * records went with a reboot that kept the plugins' addresses.
     *
     * @param known whether a pod's id is in use
     */
    void collect(Predicate<String> known) {
        try {
            Set<String> gone = cni.attached().stream().filter(known.negate()).collect(Collectors.toSet());
            Thread.ofVirtual().name("cni-gc").start(() -> {
                try {
                    cni.gc(gone);
                } catch (CniException e) {
                    LOG.warn("CNI attachments that no pod has could not all be released: {}", e.getMessage());
                }
            });
        } catch (CniException e) {
            LOG.warn("CNI attachments that no pod has are kept: {}", e.getMessage());
        }
    }

    private static Attachment attachment(Pod pod, @Nullable Path netns) throws CriException {
        PodSandboxMetadata metadata = pod.config().getMetadata();
        return new Attachment(
                pod.id(),
                netns,
                INTERFACE,
                Attachment.kubernetesArgs(metadata.getNamespace(), metadata.getName(), pod.id(), metadata.getUid()),
                capabilities(pod.config()));
    }

    /**
     * What the pod wants of its network.
     *
     * @throws CriException INVALID if a port or an annotation cannot be used; so a pod can be refused before anything of it is made
     */
    static CapabilityArgs capabilities(PodSandboxConfig config) throws CriException {
        List<CapabilityArgs.PortMapping> ports = new ArrayList<>();
        for (PortMapping port : config.getPortMappingsList()) {
            // The kubelet lists every container port; without a host port there is nothing to map.
            if (port.getHostPort() != 0) {
                ports.add(portMapping(port));
            }
        }
        DNSConfig dns = config.getDnsConfig();
        CapabilityArgs.Dns cniDns = config.hasDnsConfig()
                ? new CapabilityArgs.Dns(dns.getServersList(), dns.getSearchesList(), dns.getOptionsList())
                : null;
        try {
            return CapabilityArgs.of(
                    ports,
                    cniDns,
                    Bandwidth.fromAnnotations(config.getAnnotationsMap()),
                    config.getLinux().getCgroupParent().isEmpty()
                            ? null
                            : config.getLinux().getCgroupParent());
        } catch (CniException e) {
            throw CriException.invalid(String.valueOf(e.getMessage()));
        }
    }

    private static CapabilityArgs.PortMapping portMapping(PortMapping port) throws CriException {
        String protocol = switch (port.getProtocol()) {
            case TCP -> "tcp";
            case UDP -> "udp";
            case SCTP -> "sctp";
            case UNRECOGNIZED -> throw CriException.invalid("port_mappings: unknown protocol");
        };
        try {
            return new CapabilityArgs.PortMapping(
                    port.getHostPort(), port.getContainerPort(), protocol, port.getHostIp());
        } catch (IllegalArgumentException e) {
            throw CriException.invalid("port_mappings: " + e.getMessage());
        }
    }
}
