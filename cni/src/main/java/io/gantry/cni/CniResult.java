package io.gantry.cni;

import java.net.InetAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a network gave to an attachment: the final result of its plugins (specification, section 5, "Success").
 *
 * @param cniVersion the version of the raw JSON
 * @param interfaces all that were made, those on the host too
 * @param ips addresses in the order of the result
 * @param routes routes in the namespace
 * @param dns resolver settings of the network
 * @param json the whole result as the last plugin gave it, in {@code cniVersion}
 */
public record CniResult(
        String cniVersion, List<Interface> interfaces, List<Ip> ips, List<Route> routes, Dns dns, String json) {
    public CniResult {
        interfaces = List.copyOf(interfaces);
        ips = List.copyOf(ips);
        routes = List.copyOf(routes);
    }

    /**
     * The addresses of the interface {@code ifName} in the namespace as text, in order, without prefix; also those that the plugin bound
     * to no interface. IPv6 is in its canonical form (RFC 5952), which Kubernetes wants.
     */
    public List<String> addressesOf(String ifName) {
        return ips.stream()
                .filter(ip -> belongs(ip, ifName))
                .map(ip -> IpText.of(ip.address()))
                .toList();
    }

    private boolean belongs(Ip ip, String ifName) {
        int index = ip.interfaceIndex();
        if (index < 0 || index >= interfaces.size()) {
            return true;
        }
        Interface device = interfaces.get(index);
        return device.name().equals(ifName) && !device.sandbox().isEmpty();
    }

    /**
     * An interface.
     *
     * @param mac hardware address, or empty
     * @param sandbox path of the namespace that holds it; empty on the host
     */
    public record Interface(String name, String mac, String sandbox) {}

    /**
     * An address.
     *
     * @param prefixLength 0 to 32 or 128
     * @param gateway or null
     * @param interfaceIndex index into {@link CniResult#interfaces}, or -1
     */
    public record Ip(
            InetAddress address, int prefixLength, @Nullable InetAddress gateway, int interfaceIndex) {}

    /**
     * A route.
     *
     * @param destination in CIDR notation
     * @param gateway or null for the default of the address family
     */
    public record Route(String destination, @Nullable InetAddress gateway) {}

    /** Resolver settings. */
    public record Dns(List<String> nameservers, String domain, List<String> search, List<String> options) {
        /** No settings. */
        public static final Dns NONE = new Dns(List.of(), "", List.of(), List.of());

        public Dns {
            nameservers = List.copyOf(nameservers);
            search = List.copyOf(search);
            options = List.copyOf(options);
        }
    }
}
