package io.gantry.sandbox.dbus;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A message that came in.
 *
 * @param replySerial of the call that it answers; 0 for none
 * @param member of a signal or call, else empty
 * @param error the name of an error, else empty
 * @param arguments its leading arguments of the types {@code s}, {@code o}, {@code u}; what comes behind another type is left out
 */
record Message(int type, int replySerial, String path, String member, String error, List<Object> arguments) {
    static final int CALL = 1;
    static final int RETURN = 2;
    static final int ERROR = 3;
    static final int SIGNAL = 4;

    /** What precedes the array of header fields, with its length. */
    static final int FIXED = 16;
    /** By the specification. */
    static final int MAX = 128 << 20;

    private static final int PATH = 1;
    private static final int MEMBER = 3;
    private static final int ERROR_NAME = 4;
    private static final int REPLY_SERIAL = 5;
    private static final int SIGNATURE = 8;

    /** The argument at a place as text, empty if there is none. */
    String text(int at) {
        return at < arguments.size() && arguments.get(at) instanceof String text ? text : "";
    }

    /** The length of a whole message by its first {@link #FIXED} bytes. */
    static int length(ByteBuffer fixed) throws IOException {
        fixed.order(fixed.get(0) == 'B' ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
        long body = Integer.toUnsignedLong(fixed.getInt(4));
        long fields = Integer.toUnsignedLong(fixed.getInt(12));
        long total = (FIXED + fields + 7) / 8 * 8 + body;
        if (total > MAX) {
            throw new IOException("a message of " + total + " bytes");
        }
        return (int) total;
    }

    static Message parse(ByteBuffer bytes) throws IOException {
        bytes.order(bytes.get(0) == 'B' ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
        try {
            int type = bytes.get(1);
            int end = FIXED + bytes.getInt(12);
            bytes.position(FIXED);
            Map<Integer, Object> fields = new HashMap<>();
            while (bytes.position() < end) {
                align(bytes, 8);
                int code = bytes.get();
                String signature = signature(bytes);
                Object value = value(bytes, signature);
                fields.put(code, value);
            }
            align(bytes, 8);
            List<Object> arguments = new ArrayList<>();
            for (char kind : text(fields, SIGNATURE).toCharArray()) {
                if ("sou".indexOf(kind) < 0) {
                    break;
                }
                arguments.add(value(bytes, String.valueOf(kind)));
            }
            return new Message(
                    type,
                    fields.get(REPLY_SERIAL) instanceof Integer serial ? serial : 0,
                    text(fields, PATH),
                    text(fields, MEMBER),
                    text(fields, ERROR_NAME),
                    List.copyOf(arguments));
        } catch (RuntimeException e) {
            throw new IOException("a malformed message: " + e, e);
        }
    }

    private static String text(Map<Integer, Object> fields, int code) {
        return fields.get(code) instanceof String text ? text : "";
    }

    private static void align(ByteBuffer bytes, int to) {
        bytes.position((bytes.position() + to - 1) / to * to);
    }

    private static String signature(ByteBuffer bytes) {
        byte[] text = new byte[bytes.get() & 0xff];
        bytes.get(text).get();
        return new String(text, StandardCharsets.US_ASCII);
    }

    private static Object value(ByteBuffer bytes, String signature) throws EOFException {
        return switch (signature) {
            case "s", "o" -> {
                align(bytes, 4);
                int length = bytes.getInt();
                if (length < 0 || length >= bytes.remaining()) {
                    throw new EOFException("a text of " + length + " bytes");
                }
                byte[] text = new byte[length];
                bytes.get(text).get();
                yield new String(text, StandardCharsets.UTF_8);
            }
            case "u" -> {
                align(bytes, 4);
                yield bytes.getInt();
            }
            case "g" -> signature(bytes);
            default -> throw new IllegalArgumentException("a header field of type " + signature);
        };
    }
}
