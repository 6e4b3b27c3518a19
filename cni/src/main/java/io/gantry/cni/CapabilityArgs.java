package io.gantry.cni;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a pod wants of its network beyond an address, by the names of CNI's conventions for dynamic plugin fields. A plugin sees an
 * entry only if its configuration declares the capability of that name.
 *
 * @param portMappings host ports
 * @param dns resolver settings of the pod, or null
 * @param bandwidth limits, or null
 * @param ipRanges sets of ranges to take the addresses from
 * @param ips addresses asked for
 * @param mac hardware address asked for, or null
 * @param aliases names of the pod in its network
 * @param cgroupPath the pod's cgroup, or null
 */
public record CapabilityArgs(
        List<PortMapping> portMappings,
        @Nullable Dns dns,
        @Nullable Bandwidth bandwidth,
        List<List<IpRange>> ipRanges,
        List<String> ips,
        @Nullable String mac,
        List<String> aliases,
        @Nullable String cgroupPath) {
    /** Nothing wanted. */
    public static final CapabilityArgs NONE =
            new CapabilityArgs(List.of(), null, null, List.of(), List.of(), null, List.of(), null);

    public CapabilityArgs {
        portMappings = List.copyOf(portMappings);
        ipRanges = ipRanges.stream().map(List::copyOf).toList();
        ips = List.copyOf(ips);
        aliases = List.copyOf(aliases);
    }

    /** What a pod's CRI configuration can ask for. */
    public static CapabilityArgs of(
            List<PortMapping> portMappings,
            @Nullable Dns dns,
            @Nullable Bandwidth bandwidth,
            @Nullable String cgroupPath) {
        return new CapabilityArgs(portMappings, dns, bandwidth, List.of(), List.of(), null, List.of(), cgroupPath);
    }

    /**
     * A host port.
     *
     * @param hostPort 1 to 65535
     * @param containerPort 1 to 65535
     * @param protocol tcp, udp or sctp, in lower case
     * @param hostIp the address to listen on; empty for all
     */
    public record PortMapping(int hostPort, int containerPort, String protocol, String hostIp) {
        public PortMapping {
            if (hostPort < 1 || hostPort > 65535 || containerPort < 1 || containerPort > 65535) {
                throw new IllegalArgumentException("not a port mapping: " + hostPort + " to " + containerPort);
            }
            if (!List.of("tcp", "udp", "sctp").contains(protocol)) {
                throw new IllegalArgumentException("not a protocol of a port mapping: " + protocol);
            }
        }
    }

    /** Resolver settings. */
    public record Dns(List<String> servers, List<String> searches, List<String> options) {
        public Dns {
            servers = List.copyOf(servers);
            searches = List.copyOf(searches);
            options = List.copyOf(options);
        }
    }

    /** A range of addresses within a subnet; all but the subnet may be null. */
    public record IpRange(
            String subnet,
            @Nullable String rangeStart,
            @Nullable String rangeEnd,
            @Nullable String gateway) {}
}
