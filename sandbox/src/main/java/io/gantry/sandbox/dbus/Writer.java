package io.gantry.sandbox.dbus;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/** Marshals little-endian; alignment counts from its first byte. */
final class Writer {
    private byte[] out = new byte[1024];
    private int size;

    byte[] toBytes() {
        return Arrays.copyOf(out, size);
    }

    Writer octet(int value) {
        if (size == out.length) {
            out = Arrays.copyOf(out, 2 * size);
        }
        out[size++] = (byte) value;
        return this;
    }

    Writer align(int to) {
        while (size % to != 0) {
            octet(0);
        }
        return this;
    }

    Writer u32(long value) {
        align(4);
        for (int shift = 0; shift < 32; shift += 8) {
            octet((int) (value >>> shift));
        }
        return this;
    }

    Writer u64(long value) {
        align(8);
        for (int shift = 0; shift < 64; shift += 8) {
            octet((int) (value >>> shift));
        }
        return this;
    }

    Writer text(String value) {
        if (value.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("a NUL in '" + value + "'");
        }
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        return u32(bytes.length).bytes(bytes).octet(0);
    }

    Writer signature(String value) {
        byte[] bytes = value.getBytes(StandardCharsets.US_ASCII);
        return octet(bytes.length).bytes(bytes).octet(0);
    }

    Writer bytes(byte[] value) {
        for (byte octet : value) {
            octet(octet);
        }
        return this;
    }

    /**
     * An array: its length, which does not count the padding before the first element, and what the body writes.
     *
     * @param alignment of its elements
     */
    Writer array(int alignment, Consumer<Writer> body) {
        u32(0);
        int lengthAt = size - 4;
        align(alignment);
        int start = size;
        body.accept(this);
        int length = size - start;
        for (int i = 0; i < 4; i++) {
            out[lengthAt + i] = (byte) (length >>> (8 * i));
        }
        return this;
    }

    Writer value(Value value) {
        return switch (value) {
            case Value.Text(String text) -> text(text);
            case Value.Flag(boolean flag) -> u32(flag ? 1 : 0);
            case Value.Unsigned(long number) -> u64(number);
            case Value.Signed(int number) -> u32(number);
            case Value.Texts(var texts) -> array(4, array -> texts.forEach(array::text));
            case Value.Numbers(var numbers) -> array(4, array -> numbers.forEach(number -> array.u32(number)));
            case Value.Bytes(var octets) -> array(1, array -> octets.forEach(octet -> array.octet(octet)));
            case Value.Properties(var entries) ->
                array(
                        8,
                        array -> entries.forEach(entry -> array.align(8)
                                .text(entry.name())
                                .signature(entry.value().signature())
                                .value(entry.value())));
            case Value.NoUnits() -> array(8, array -> {});
        };
    }
}
