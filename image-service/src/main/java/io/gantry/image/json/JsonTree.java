package io.gantry.image.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One value of a parsed document. Asking a value for something that it is not gives the empty thing of that kind, so that readers of documents state what
 * they need and check the result, instead of every step on the way. Members keep the document's order.
 */
public final class JsonTree {
    private static final int MAX_DEPTH = 64;
    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .streamReadConstraints(
                    StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).build())
            .build();
    private static final JsonTree ABSENT = new JsonTree(null);

    private final @Nullable Object value;

    private JsonTree(@Nullable Object value) {
        this.value = value;
    }

    /** Parses a whole JSON document; anything after it is an error too. */
    public static JsonTree parse(byte[] document) throws IOException {
        try (JsonParser parser = JSON.createParser(document)) {
            return read(parser);
        }
    }

    /** Reads the one document that {@code parser} holds. */
    public static JsonTree read(JsonParser parser) throws IOException {
        JsonToken first = parser.nextToken();
        if (first == null) {
            throw new IOException("the document is empty");
        }
        JsonTree tree = new JsonTree(readValue(parser, first));
        if (parser.nextToken() != null) {
            throw new IOException("something follows the end of the document");
        }
        return tree;
    }

    private static @Nullable Object readValue(JsonParser parser, @Nullable JsonToken token) throws IOException {
        if (token == null) {
            throw new IOException("the document ends early");
        }
        return switch (token) {
            case START_OBJECT -> {
                Map<String, @Nullable Object> members = new LinkedHashMap<>();
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    String name = parser.currentName();
                    members.put(name, readValue(parser, parser.nextToken()));
                }
                yield members;
            }
            case START_ARRAY -> {
                List<@Nullable Object> elements = new ArrayList<>();
                for (JsonToken next = parser.nextToken(); next != JsonToken.END_ARRAY; next = parser.nextToken()) {
                    elements.add(readValue(parser, next));
                }
                yield elements;
            }
            case VALUE_STRING -> parser.getText();
            case VALUE_NUMBER_INT ->
                parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER ? parser.getText() : parser.getLongValue();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> null;
            case VALUE_NUMBER_FLOAT, VALUE_EMBEDDED_OBJECT -> parser.getText();
            case END_OBJECT, END_ARRAY, FIELD_NAME, NOT_AVAILABLE ->
                throw new IOException("unexpected " + token + " in the document");
        };
    }

    /** The member of that name; an absent value if there is none. */
    public JsonTree get(String name) {
        return value instanceof Map<?, ?> members && members.get(name) != null
                ? new JsonTree(members.get(name))
                : ABSENT;
    }

    /** The members in their order; empty if this is not an object. */
    public Map<String, JsonTree> members() {
        Map<String, JsonTree> result = new LinkedHashMap<>();
        if (value instanceof Map<?, ?> members) {
            members.forEach((name, member) -> result.put((String) name, new JsonTree(member)));
        }
        return result;
    }

    /** The elements; empty if this is not an array. */
    public List<JsonTree> elements() {
        List<JsonTree> result = new ArrayList<>();
        if (value instanceof List<?> elements) {
            elements.forEach(element -> result.add(new JsonTree(element)));
        }
        return result;
    }

    /** The text; empty if this is not a string. */
    public String text() {
        return value instanceof String text ? text : "";
    }

    /** The strings of an array, or the one string; other elements are left out. */
    public List<String> texts() {
        if (value instanceof String text) {
            return List.of(text);
        }
        return elements().stream()
                .filter(element -> element.value instanceof String)
                .map(JsonTree::text)
                .toList();
    }

    /** The integer; {@code otherwise} if this is none. */
    public long number(long otherwise) {
        return value instanceof Long number ? number : otherwise;
    }

    /** The truth value; false if this is none. */
    public boolean isTrue() {
        return Boolean.TRUE.equals(value);
    }

    public boolean isObject() {
        return value instanceof Map;
    }

    public boolean isArray() {
        return value instanceof List;
    }

    /** Whether there is nothing, or a null, here. */
    public boolean isAbsent() {
        return value == null;
    }
}
