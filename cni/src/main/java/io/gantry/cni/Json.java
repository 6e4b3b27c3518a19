package io.gantry.cni;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gantry.json.JsonNodes;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The JSON of network configurations and results. */
final class Json {
    /** No configuration or result is larger; what is, is taken for hostile. */
    static final int MAX_BYTES = 1 << 20;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(100)
                    .maxStringLength(MAX_BYTES)
                    .build())
            .build();

    private Json() {}

    static ObjectNode object() {
        return JsonNodes.object();
    }

    static JsonNode parse(byte[] bytes) throws IOException {
        return JsonNodes.read(FACTORY.createParser(bytes));
    }

    /** Parses an object; anything else is an IOException. */
    static ObjectNode parseObject(byte[] bytes) throws IOException {
        if (parse(bytes) instanceof ObjectNode object) {
            return object;
        }
        throw new IOException("not a JSON object");
    }

    static byte[] bytes(JsonNode node) {
        return JsonNodes.bytes(node);
    }

    /** The text of a field, or empty where it is absent or no text. */
    static String text(JsonNode node, String field) {
        return node.path(field).asText("");
    }

    /** The texts of an array; absent is empty. */
    static List<String> texts(JsonNode array) {
        List<String> texts = new ArrayList<>();
        for (JsonNode item : array) {
            texts.add(item.asText());
        }
        return texts;
    }

    /** A boolean, or its text in any case, as libcni reads it. */
    static boolean flag(JsonNode node, String field) {
        JsonNode value = node.path(field);
        return value.asBoolean() || value.asText("").equalsIgnoreCase("true");
    }
}
