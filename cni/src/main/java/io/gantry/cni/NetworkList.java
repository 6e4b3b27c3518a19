package io.gantry.cni;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gantry.cni.CniException.Kind;
import io.gantry.json.JsonNodes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * A network configuration list (specification, section 1): the plugins that make one network, in order.
 *
 * @param name the network's name
 * @param version the version of the protocol that all its plugins are spoken to in
 * @param plugins the plugins' parts, unchanged
 * @param disableCheck true if CHECK is not wanted
 * @param disableGc true if GC is not wanted
 * @param source the JSON as read; a single plugin's file is wrapped into a list
 */
record NetworkList(
        String name, String version, List<ObjectNode> plugins, boolean disableCheck, boolean disableGc, String source) {
    /** The versions spoken, oldest first. */
    private static final List<String> VERSIONS = List.of("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0");

    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.\\-]*");

    /** Reads the content of a .conflist file. */
    static NetworkList parse(byte[] source) throws CniException {
        ObjectNode list = object(source);
        if (!list.has("plugins") && list.has("type")) {
            throw invalid("it has a type but no plugins: a single plugin's file is named .conf");
        }
        return of(list, new String(source, StandardCharsets.UTF_8));
    }

    /** Reads the content of a .conf or .json file, which holds one plugin. */
    static NetworkList parseSingle(byte[] source) throws CniException {
        ObjectNode plugin = object(source);
        if (!plugin.has("type")) {
            throw invalid(plugin.has("plugins") ? "it has plugins: such a file is named .conflist" : "it has no type");
        }
        ObjectNode list = Json.object();
        list.set("name", plugin.path("name"));
        if (plugin.has("cniVersion")) {
            list.set("cniVersion", plugin.path("cniVersion"));
        }
        list.putArray("plugins").add(plugin);
        return of(list, JsonNodes.text(list));
    }

    private static NetworkList of(ObjectNode list, String source) throws CniException {
        String name = Json.text(list, "name");
        if (!NAME.matcher(name).matches()) {
            throw invalid(name.isEmpty() ? "it has no name" : "\"" + name + "\" cannot be a network's name");
        }
        List<ObjectNode> plugins = new ArrayList<>();
        for (JsonNode plugin : list.path("plugins")) {
            if (!(plugin instanceof ObjectNode object)
                    || Json.text(object, "type").isEmpty()) {
                throw invalid("plugin " + plugins.size() + " of network " + name + " has no type");
            }
            plugins.add(object);
        }
        if (plugins.isEmpty()) {
            throw invalid("network " + name + " has no plugins");
        }
        return new NetworkList(
                name,
                version(name, list),
                List.copyOf(plugins),
                Json.flag(list, "disableCheck"),
                Json.flag(list, "disableGC"),
                source);
    }

    /** The highest version that the list allows (cniVersion, or one of cniVersions) and that is spoken here. */
    private static String version(String name, ObjectNode list) throws CniException {
        List<String> offered = Json.texts(list.path("cniVersions"));
        offered.add(list.path("cniVersion").asText("0.1.0"));
        return offered.stream()
                .filter(VERSIONS::contains)
                .max(Comparator.comparingInt(VERSIONS::indexOf))
                .orElseThrow(() -> invalid("network " + name + " wants CNI version " + String.join(" or ", offered)
                        + ", spoken are " + String.join(", ", VERSIONS)));
    }

    private static ObjectNode object(byte[] source) throws CniException {
        try {
            return Json.parseObject(source);
        } catch (IOException e) {
            // Jackson's message goes on with the place in the source over several lines.
            throw invalid(Objects.toString(e.getMessage()).lines().findFirst().orElse("no JSON"));
        }
    }

    private static CniException invalid(String why) {
        return new CniException(Kind.INVALID, why);
    }

    /** Whether the list's version is this one or newer. */
    boolean atLeast(String other) {
        return VERSIONS.indexOf(version) >= VERSIONS.indexOf(other);
    }
}
