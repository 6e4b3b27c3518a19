package io.gantry.runtime.cdi;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** An object of a specification. A field that nobody asked for is an error, as the specification wants it: it might be what matters most. */
final class SpecObject {
    private final String where;
    private final JsonNode node;
    private final Set<String> known = new HashSet<>();

    /** @param where its path in the document, for messages */
    SpecObject(String where, JsonNode node) throws IOException {
        this.where = where;
        this.node = node;
        if (!node.isObject()) {
            throw bad("", "is no object");
        }
    }

    private IOException bad(String field, String problem) {
        String path = where.isEmpty() || field.isEmpty() ? where + field : where + "." + field;
        return new IOException((path.isEmpty() ? "the document" : path) + " " + problem);
    }

    private @Nullable JsonNode field(String name) {
        known.add(name);
        JsonNode value = node.get(name);
        return value == null || value.isNull() ? null : value;
    }

    boolean has(String name) {
        return field(name) != null;
    }

    /** Empty if it is not there. */
    String text(String name) throws IOException {
        JsonNode value = field(name);
        if (value == null) {
            return "";
        }
        if (!value.isTextual()) {
            throw bad(name, "is no string");
        }
        if (value.textValue().indexOf('\0') >= 0) {
            throw bad(name, "has a NUL in it");
        }
        return value.textValue();
    }

    String required(String name) throws IOException {
        String value = text(name);
        if (value.isEmpty()) {
            throw bad(name, "is missing");
        }
        return value;
    }

    /** A path that must begin at the root. */
    String requiredPath(String name) throws IOException {
        String value = required(name);
        if (!value.startsWith("/")) {
            throw bad(name, "is no absolute path: " + value);
        }
        return value;
    }

    /** A whole number from 0 to {@code max}; null if it is not there. */
    @Nullable
    Long number(String name, long max) throws IOException {
        JsonNode value = field(name);
        if (value == null) {
            return null;
        }
        return number(name, value, max);
    }

    private long number(String name, JsonNode value, long max) throws IOException {
        if (!value.isIntegralNumber()
                || !value.canConvertToLong()
                || value.longValue() < 0
                || value.longValue() > max) {
            throw bad(name, "is no whole number from 0 to " + max + ": " + value);
        }
        return value.longValue();
    }

    List<Long> numbers(String name, long max) throws IOException {
        List<Long> values = new ArrayList<>();
        for (JsonNode element : elements(name)) {
            values.add(number(name, element, max));
        }
        return values;
    }

    List<String> texts(String name) throws IOException {
        List<String> values = new ArrayList<>();
        for (JsonNode element : elements(name)) {
            if (!element.isTextual() || element.textValue().indexOf('\0') >= 0) {
                throw bad(name, "has an element that is no string, or has a NUL in it");
            }
            values.add(element.textValue());
        }
        return values;
    }

    List<SpecObject> objects(String name) throws IOException {
        List<SpecObject> values = new ArrayList<>();
        for (JsonNode element : elements(name)) {
            values.add(
                    new SpecObject((where.isEmpty() ? "" : where + ".") + name + "[" + values.size() + "]", element));
        }
        return values;
    }

    @Nullable
    SpecObject object(String name) throws IOException {
        JsonNode value = field(name);
        return value == null ? null : new SpecObject((where.isEmpty() ? "" : where + ".") + name, value);
    }

    private Iterable<JsonNode> elements(String name) throws IOException {
        JsonNode value = field(name);
        if (value == null) {
            return List.of();
        }
        if (!value.isArray()) {
            throw bad(name, "is no array");
        }
        return value;
    }

    /** To be called when all fields have been asked for. */
    void end() throws IOException {
        for (String name : (Iterable<String>) node::fieldNames) {
            if (!known.contains(name)) {
                throw bad(name, "is no field that CDI 1.1 has");
            }
        }
    }
}
