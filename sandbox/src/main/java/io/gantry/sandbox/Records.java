package io.gantry.sandbox;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes and reads the text payloads of sandbox/PROTOCOL.md: fields that end with a NUL. */
final class Records {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream(1024);

    /** Adds a record. A NUL inside a field is an IllegalArgumentException: it would forge another record. */
    Records add(String name, Object... arguments) {
        field(name);
        for (Object argument : arguments) {
            field(argument.toString());
        }
        return this;
    }

    Records addBytes(String name, byte[] argument) {
        field(name);
        return field(argument);
    }

    Records addHex(String name, String flags, byte[] argument) {
        field(name);
        field(flags);
        return field(HexFormat.of().formatHex(argument));
    }

    /** Appends records that are encoded already. */
    Records addAll(byte[] encoded) {
        out.write(encoded, 0, encoded.length);
        return this;
    }

    private Records field(String text) {
        return field(text.getBytes(StandardCharsets.UTF_8));
    }

    private Records field(byte[] bytes) {
        for (byte b : bytes) {
            if (b == 0) {
                throw new IllegalArgumentException("a NUL inside '" + new String(bytes, StandardCharsets.UTF_8) + "'");
            }
        }
        out.write(bytes, 0, bytes.length);
        out.write(0);
        return this;
    }

    byte[] toBytes() {
        return out.toByteArray();
    }

    /** The fields of a payload. */
    static List<String> fields(byte[] payload) {
        List<String> fields = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < payload.length; i++) {
            if (payload[i] == 0) {
                fields.add(new String(payload, from, i - from, StandardCharsets.UTF_8));
                from = i + 1;
            }
        }
        if (from != payload.length) {
            throw new IllegalArgumentException("a payload that does not end with a NUL");
        }
        return fields;
    }

    /** The fields of a payload as key and value pairs, in order; the first of a key counts. */
    static Map<String, String> pairs(List<String> fields) {
        if (fields.size() % 2 != 0) {
            throw new IllegalArgumentException("an odd number of fields: " + fields);
        }
        Map<String, String> pairs = new LinkedHashMap<>();
        for (int i = 0; i < fields.size(); i += 2) {
            pairs.putIfAbsent(fields.get(i), fields.get(i + 1));
        }
        return pairs;
    }

    /** Four digits or more, as chmod(1) takes them. */
    static String octal(int mode) {
        String digits = Integer.toOctalString(mode);
        return "0".repeat(Math.max(0, 4 - digits.length())) + digits;
    }

    static String flags(List<String> flags) {
        return flags.isEmpty() ? "-" : String.join(",", flags);
    }
}
