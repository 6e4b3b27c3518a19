package io.gantry.runtime;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What the CNI plugins answered in the form in which containerd's verbose answers tell it, and tools read it: {@code Interfaces} by name
 * with their {@code IPConfigs}, {@code DNS}, {@code Routes}.
 */
final class CniResultView {
    private CniResultView() {}

    /** @param result a success result of any version since 0.3.0 */
    static ObjectNode of(JsonNode result) {
        ObjectNode view = JsonNodeFactory.instance.objectNode();
        ObjectNode interfaces = view.putObject("Interfaces");
        JsonNode made = result.path("interfaces");
        for (int index = 0; index < made.size(); index++) {
            JsonNode device = made.get(index);
            ObjectNode shown = interfaces.putObject(device.path("name").asText());
            addresses(shown.putArray("IPConfigs"), result.path("ips"), index);
            shown.put("Mac", device.path("mac").asText());
            shown.put("Sandbox", device.path("sandbox").asText());
        }
        JsonNode dns = result.path("dns");
        view.putArray("DNS").add(dns.isObject() ? dns : JsonNodeFactory.instance.objectNode());
        JsonNode routes = result.path("routes");
        ArrayNode shownRoutes = view.putArray("Routes");
        routes.forEach(shownRoutes::add);
        return view;
    }

    private static void addresses(ArrayNode shown, JsonNode ips, int index) {
        for (JsonNode ip : ips) {
            if (ip.path("interface").asInt(-1) == index) {
                String address = ip.path("address").asText();
                int slash = address.indexOf('/');
                shown.addObject()
                        .put("IP", slash < 0 ? address : address.substring(0, slash))
                        .put("Gateway", ip.path("gateway").asText());
            }
        }
    }
}
