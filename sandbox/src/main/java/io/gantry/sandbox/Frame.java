package io.gantry.sandbox;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** A frame of sandbox/PROTOCOL.md: eight bytes of header, little-endian, and a payload. */
@SuppressWarnings("ArrayRecordComponent")
record Frame(int type, byte[] payload) {
    static final int HELLO = 1;
    static final int POD = 2;
    static final int CREATE = 3;
    static final int START = 4;
    static final int KILL = 5;
    static final int DELETE = 6;
    static final int EXEC = 7;
    static final int ATTACH = 8;
    static final int WAIT = 9;
    static final int EVENTS = 10;
    static final int STATE = 11;
    static final int REOPEN_LOG = 12;
    static final int SHUTDOWN = 13;
    static final int HOLD = 14;
    static final int SIZE = 15;
    static final int STDIN = 32;
    static final int STDIN_EOF = 33;
    static final int RESIZE = 34;
    static final int OK = 64;
    static final int ERROR = 65;
    static final int EXIT = 66;
    static final int STDOUT = 67;
    static final int STDERR = 68;

    static final int HEADER = 8;
    static final int MAX_PAYLOAD = 4 << 20;
    static final int MAX_DATA = 64 << 10;

    private static final byte[] EMPTY = {};

    static Frame text(int type, Object... fields) {
        if (fields.length == 0) {
            return new Frame(type, EMPTY);
        }
        Object[] rest = new Object[fields.length - 1];
        System.arraycopy(fields, 1, rest, 0, rest.length);
        return new Frame(type, new Records().add(fields[0].toString(), rest).toBytes());
    }

    static Frame hello() {
        return text(HELLO, "gantry-shim", "1");
    }

    List<String> fields() {
        return Records.fields(payload);
    }

    /** Several frames as the bytes of one write. */
    static byte[] encode(Frame... frames) {
        int length = 0;
        for (Frame frame : frames) {
            if (frame.payload.length > MAX_PAYLOAD) {
                throw new IllegalArgumentException("a payload of " + frame.payload.length + " bytes");
            }
            length += HEADER + frame.payload.length;
        }
        ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        for (Frame frame : frames) {
            bytes.putInt(frame.payload.length)
                    .put((byte) frame.type)
                    .put((byte) 0)
                    .putShort((short) 0);
            bytes.put(frame.payload);
        }
        return bytes.array();
    }
}
