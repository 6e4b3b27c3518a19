package io.gantry.image.tar;

import io.gantry.image.tar.TarEntry.Segment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The fields of one 512 byte header block, by their places in it (POSIX ustar; GNU tar's tar.h; star). */
final class TarHeader {
    static final int BLOCK = 512;

    private final byte[] block;
    private final int at;

    /** A view on the block at {@code at}; valid as long as the buffer is not changed. */
    TarHeader(byte[] buffer, int at) {
        this.block = buffer;
        this.at = at;
    }

    boolean isZero() {
        for (int i = 0; i < BLOCK; i++) {
            if (block[at + i] != 0) {
                return false;
            }
        }
        return true;
    }

    /** Checks the sum over the block, in which the sum itself counts as blanks. Some old tars added signed bytes. */
    void verify() throws TarFormatException {
        long unsigned = 0;
        long signed = 0;
        for (int i = 0; i < BLOCK; i++) {
            byte b = i >= 148 && i < 156 ? (byte) ' ' : block[at + i];
            unsigned += b & 0xff;
            signed += b;
        }
        long stored = number(148, 8);
        if (stored != unsigned && stored != signed) {
            throw new TarFormatException("the archive is damaged: a header's checksum is wrong");
        }
    }

    String name() {
        String name = text(0, 100);
        // GNU's own magic is "ustar  \0" and puts other things where POSIX has the prefix.
        boolean posix = block[at + 262] == 0 && text(257, 5).equals("ustar");
        if (!posix) {
            return name;
        }
        boolean star = text(508, 4).equals("tar");
        String prefix = text(345, star ? 131 : 155);
        return prefix.isEmpty() ? name : prefix + "/" + name;
    }

    int mode() throws TarFormatException {
        return (int) number(100, 8) & 07777;
    }

    long uid() throws TarFormatException {
        return number(108, 8);
    }

    long gid() throws TarFormatException {
        return number(116, 8);
    }

    long size() throws TarFormatException {
        return number(124, 12);
    }

    long mtime() throws TarFormatException {
        return number(136, 12);
    }

    char type() {
        return (char) (block[at + 156] & 0xff);
    }

    String linkTarget() {
        return text(157, 100);
    }

    int deviceMajor() throws TarFormatException {
        return (int) number(329, 8);
    }

    int deviceMinor() throws TarFormatException {
        return (int) number(337, 8);
    }

    /** The map in the header of an old GNU sparse file (type S): up to four segments. */
    List<Segment> sparseMap() throws TarFormatException {
        return segments(386, 4);
    }

    boolean sparseMapContinues() {
        return block[at + 482] != 0;
    }

    long sparseFileSize() throws TarFormatException {
        return number(483, 12);
    }

    /** Read as the continuation block of a sparse map: up to 21 segments. */
    List<Segment> sparseContinuation() throws TarFormatException {
        return segments(0, 21);
    }

    boolean sparseContinuationContinues() {
        return block[at + 504] != 0;
    }

    private List<Segment> segments(int from, int count) throws TarFormatException {
        List<Segment> segments = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int place = from + i * 24;
            if (block[at + place] == 0) {
                break;
            }
            segments.add(new Segment(number(place, 12), number(place + 12, 12)));
        }
        return segments;
    }

    private String text(int from, int length) {
        int end = at + from;
        while (end < at + from + length && block[end] != 0) {
            end++;
        }
        return new String(block, at + from, end - at - from, StandardCharsets.ISO_8859_1);
    }

    /** Octal digits, or, with the highest bit set, a big-endian two's complement number (GNU, star). */
    private long number(int from, int length) throws TarFormatException {
        int first = block[at + from];
        if ((first & 0x80) != 0) {
            // 0x80 says "positive" and 0xff "negative"; the bit below is the sign.
            long value = (first & 0x40) != 0 ? first : first & 0x3f;
            for (int i = 1; i < length; i++) {
                if (value != (value << 8) >> 8) {
                    throw new TarFormatException("a number in a header is too big");
                }
                value = (value << 8) | (block[at + from + i] & 0xff);
            }
            return value;
        }
        long value = 0;
        boolean digits = false;
        for (int i = 0; i < length; i++) {
            byte b = block[at + from + i];
            if (b >= '0' && b <= '7') {
                value = (value << 3) | (b - '0');
                digits = true;
            } else if (b == 0 || b == ' ') {
                if (digits) {
                    break;
                }
            } else {
                throw new TarFormatException("a number in a header is not octal");
            }
        }
        return value;
    }
}
