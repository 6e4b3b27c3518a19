package io.gantry.image.tar;

import io.gantry.image.tar.TarEntry.Segment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The records of PAX extended headers that hold for a member (POSIX.1-2001, pax, "Extended Header Keyword"). */
final class PaxRecords {
    private static final String XATTR = "SCHILY.xattr.";

    private final Map<String, String> values = new HashMap<>();
    private final List<Segment> sparseMap = new ArrayList<>();
    private long pendingOffset = -1;

    PaxRecords() {}

    /** A copy to which a member's own header is added, so that the global ones stay as they are. */
    PaxRecords copy() {
        PaxRecords copy = new PaxRecords();
        copy.values.putAll(values);
        return copy;
    }

    /** Adds the records of a header: {@code "LENGTH KEY=VALUE\n"} each; an empty value takes back an earlier one. */
    void add(byte[] records) throws TarFormatException {
        int at = 0;
        while (at < records.length) {
            int space = at;
            int length = 0;
            while (space < records.length && records[space] != ' ') {
                int digit = records[space] - '0';
                if (digit < 0 || digit > 9 || length > records.length) {
                    throw new TarFormatException("a PAX record has no valid length");
                }
                length = length * 10 + digit;
                space++;
            }
            int end = at + length;
            if (space == at || length < space - at + 3 || end > records.length || records[end - 1] != '\n') {
                throw new TarFormatException("a PAX record's length of " + length + " does not fit its content");
            }
            String record = new String(records, space + 1, end - space - 2, StandardCharsets.ISO_8859_1);
            int equals = record.indexOf('=');
            if (equals < 1) {
                throw new TarFormatException("a PAX record has no key");
            }
            put(record.substring(0, equals), record.substring(equals + 1));
            at = end;
        }
    }

    private void put(String key, String value) throws TarFormatException {
        switch (key) {
            // Version 0.0 of GNU's sparse format repeats these two keys, whose order counts.
            case "GNU.sparse.offset" -> pendingOffset = number(key, value);
            case "GNU.sparse.numbytes" -> {
                if (pendingOffset < 0) {
                    throw new TarFormatException("a sparse map has a length without an offset");
                }
                sparseMap.add(new Segment(pendingOffset, number(key, value)));
                pendingOffset = -1;
            }
            default -> {
                if (value.isEmpty() && !key.startsWith(XATTR)) {
                    values.remove(key);
                } else {
                    values.put(key, value);
                }
            }
        }
    }

    /** The value of a key, raw. */
    @Nullable
    String get(String key) {
        return values.get(key);
    }

    /** The number of a key, 0 or more. */
    long number(String key, long otherwise) throws TarFormatException {
        String value = values.get(key);
        return value == null ? otherwise : number(key, value);
    }

    private static long number(String key, String value) throws TarFormatException {
        try {
            long number = Long.parseLong(value);
            if (number >= 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            // Told below, as a negative number is.
        }
        throw new TarFormatException("the PAX record " + key + " holds no valid number");
    }

    /** Extended attributes by their raw names. */
    Map<String, byte[]> xattrs() {
        Map<String, byte[]> xattrs = new HashMap<>();
        values.forEach((key, value) -> {
            if (key.startsWith(XATTR) && key.length() > XATTR.length()) {
                xattrs.put(key.substring(XATTR.length()), value.getBytes(StandardCharsets.ISO_8859_1));
            }
        });
        return xattrs.isEmpty() ? Map.of() : xattrs;
    }

    /** The map of a sparse file of versions 0.0 and 0.1, empty if there is none. */
    List<Segment> sparseMap() throws TarFormatException {
        String map = values.get("GNU.sparse.map");
        if (map == null) {
            return sparseMap;
        }
        String[] numbers = map.split(",", -1);
        if (numbers.length % 2 != 0) {
            throw new TarFormatException("a sparse map has an odd count of numbers");
        }
        List<Segment> segments = new ArrayList<>();
        for (int i = 0; i < numbers.length; i += 2) {
            segments.add(new Segment(number("GNU.sparse.map", numbers[i]), number("GNU.sparse.map", numbers[i + 1])));
        }
        return segments;
    }
}
