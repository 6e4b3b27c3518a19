package io.gantry.cni;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Capability arguments as JSON, spelled as CNI's conventions (CONVENTIONS.md, "Dynamic Plugin specific fields") have them. */
final class CapabilityJson {
    private CapabilityJson() {}

    /** All that is asked for, by capability; what is empty is left out. */
    static ObjectNode of(CapabilityArgs args) {
        ObjectNode json = Json.object();
        if (!args.portMappings().isEmpty()) {
            ArrayNode mappings = json.putArray("portMappings");
            args.portMappings().forEach(mapping -> portMapping(mapping, mappings.addObject()));
        }
        if (args.dns() != null) {
            ObjectNode dns = json.putObject("dns");
            texts(dns, "servers", args.dns().servers());
            texts(dns, "searches", args.dns().searches());
            texts(dns, "options", args.dns().options());
        }
        if (args.bandwidth() != null) {
            bandwidth(args.bandwidth(), json.putObject("bandwidth"));
        }
        if (!args.ipRanges().isEmpty()) {
            ArrayNode sets = json.putArray("ipRanges");
            args.ipRanges().forEach(set -> {
                ArrayNode ranges = sets.addArray();
                set.forEach(range -> ipRange(range, ranges.addObject()));
            });
        }
        texts(json, "ips", args.ips());
        put(json, "mac", args.mac());
        texts(json, "aliases", args.aliases());
        put(json, "cgroupPath", args.cgroupPath());
        return json;
    }

    /** Gives a plugin's configuration the runtimeConfig of those capabilities that it declares. */
    static void inject(ObjectNode capabilityArgs, ObjectNode pluginConfig) {
        ObjectNode runtimeConfig = Json.object();
        for (Map.Entry<String, JsonNode> capability : capabilityArgs.properties()) {
            if (pluginConfig.path("capabilities").path(capability.getKey()).asBoolean()) {
                runtimeConfig.set(capability.getKey(), capability.getValue());
            }
        }
        if (!runtimeConfig.isEmpty()) {
            pluginConfig.set("runtimeConfig", runtimeConfig);
        }
    }

    private static void portMapping(CapabilityArgs.PortMapping mapping, ObjectNode json) {
        json.put("hostPort", mapping.hostPort());
        json.put("containerPort", mapping.containerPort());
        json.put("protocol", mapping.protocol());
        if (!mapping.hostIp().isEmpty()) {
            json.put("hostIP", mapping.hostIp());
        }
    }

    /** A pair is given as a whole or not at all: the plugin refuses a rate without a burst. */
    private static void bandwidth(Bandwidth bandwidth, ObjectNode json) {
        if (bandwidth.ingressRate() > 0) {
            json.put("ingressRate", bandwidth.ingressRate()).put("ingressBurst", bandwidth.ingressBurst());
        }
        if (bandwidth.egressRate() > 0) {
            json.put("egressRate", bandwidth.egressRate()).put("egressBurst", bandwidth.egressBurst());
        }
    }

    private static void ipRange(CapabilityArgs.IpRange range, ObjectNode json) {
        json.put("subnet", range.subnet());
        put(json, "rangeStart", range.rangeStart());
        put(json, "rangeEnd", range.rangeEnd());
        put(json, "gateway", range.gateway());
    }

    private static void put(ObjectNode json, String field, @Nullable String value) {
        if (value != null) {
            json.put(field, value);
        }
    }

    private static void texts(ObjectNode json, String field, List<String> values) {
        if (!values.isEmpty()) {
            ArrayNode array = json.putArray(field);
            values.forEach(array::add);
        }
    }
}
