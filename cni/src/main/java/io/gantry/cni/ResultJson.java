package io.gantry.cni;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gantry.cni.CniException.Kind;
import io.gantry.json.JsonNodes;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Results as JSON. The versions 0.3 to 1.1 differ only in {@code ips[].version}, which 1.0 dropped, and in what plugins make of it: some
 * answer in another version than they were asked in, so the shape and not the stated version decides.
 */
final class ResultJson {
    private ResultJson() {}

    /** A copy of a result as the version of the list has it, fit to be a prevResult. */
    static ObjectNode inVersionOf(NetworkList network, JsonNode result) {
        ObjectNode converted = result.deepCopy();
        converted.put("cniVersion", network.version());
        boolean versionedIps = !network.atLeast("1.0.0");
        for (JsonNode ip : converted.path("ips")) {
            if (ip instanceof ObjectNode object) {
                if (versionedIps) {
                    object.put("version", Json.text(ip, "address").contains(":") ? "6" : "4");
                } else {
                    object.remove("version");
                }
            }
        }
        return converted;
    }

    /**
     * Reads a result of any version.
     *
     * @throws CniException INTERNAL if an address in it is none
     */
    static CniResult read(JsonNode result) throws CniException {
        List<CniResult.Interface> interfaces = new ArrayList<>();
        for (JsonNode item : result.path("interfaces")) {
            interfaces.add(new CniResult.Interface(
                    Json.text(item, "name"), Json.text(item, "mac"), Json.text(item, "sandbox")));
        }
        List<CniResult.Ip> ips = new ArrayList<>();
        for (JsonNode item : result.path("ips")) {
            ips.add(ip(item));
        }
        List<CniResult.Route> routes = new ArrayList<>();
        for (JsonNode item : result.path("routes")) {
            routes.add(new CniResult.Route(Json.text(item, "dst"), optionalAddress(Json.text(item, "gw"))));
        }
        JsonNode dns = result.path("dns");
        return new CniResult(
                Json.text(result, "cniVersion"),
                interfaces,
                ips,
                routes,
                new CniResult.Dns(
                        Json.texts(dns.path("nameservers")),
                        Json.text(dns, "domain"),
                        Json.texts(dns.path("search")),
                        Json.texts(dns.path("options"))),
                JsonNodes.text(result));
    }

    private static CniResult.Ip ip(JsonNode item) throws CniException {
        String cidr = Json.text(item, "address");
        int slash = cidr.indexOf('/');
        if (slash < 0) {
            throw bad("\"" + cidr + "\" is not an address with a prefix length");
        }
        InetAddress address = address(cidr.substring(0, slash));
        int prefix;
        try {
            prefix = Integer.parseInt(cidr.substring(slash + 1));
        } catch (NumberFormatException e) {
            prefix = -1;
        }
        if (prefix < 0 || prefix > address.getAddress().length * 8) {
            throw bad("\"" + cidr + "\" has a bad prefix length");
        }
        int index = item.path("interface").isInt() ? item.path("interface").asInt() : -1;
        return new CniResult.Ip(address, prefix, optionalAddress(Json.text(item, "gateway")), index);
    }

    private static @Nullable InetAddress optionalAddress(String text) throws CniException {
        return text.isEmpty() ? null : address(text);
    }

    private static InetAddress address(String literal) throws CniException {
        try {
            return InetAddress.ofLiteral(literal);
        } catch (IllegalArgumentException e) {
            throw bad("\"" + literal + "\" is not an IP address");
        }
    }

    private static CniException bad(String why) {
        return new CniException(Kind.INTERNAL, "the network's result cannot be used: " + why);
    }
}
