package io.gantry.image.tar;

import io.gantry.image.tar.TarEntry.Segment;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Reads an archive member by member, in one pass. Not thread-safe. Does not close the stream. */
public final class TarReader {
    private static final int BUFFER = 256 * 1024;
    /** As Go's archive/tar: long names and extended headers of more are an attack. */
    private static final int MAX_META = 1024 * 1024;

    private static final int MAX_SEGMENTS = 1024 * 1024;

    private final InputStream in;
    private final byte[] buffer = new byte[BUFFER];
    private int from;
    private int to;
    private final PaxRecords global = new PaxRecords();
    private long contentLeft;
    private long paddingLeft;

    public TarReader(InputStream in) {
        this.in = in;
    }

    /** Takes a member's content. */
    public interface Sink {
        void write(byte[] bytes, int from, int count) throws IOException;
    }

    /** Goes to the next member, over what is left of the present one; empty at the end of the archive. */
    public Optional<TarEntry> next() throws IOException {
        PaxRecords pax = global;
        String longName = null;
        String longTarget = null;
        while (true) {
            skip(contentLeft);
            contentLeft = 0;
            skip(paddingLeft);
            paddingLeft = 0;
            if (!hasBlock()) {
                return Optional.empty();
            }
            TarHeader header = new TarHeader(buffer, from);
            if (header.isZero()) {
                from += TarHeader.BLOCK;
                return endOfArchive();
            }
            header.verify();
            switch (header.type()) {
                case 'x' -> {
                    pax = global.copy();
                    pax.add(meta(header));
                }
                case 'g' -> global.add(meta(header));
                case 'L' -> longName = untilNul(meta(header));
                case 'K' -> longTarget = untilNul(meta(header));
                case 'V' -> {
                    begin(header.size());
                    from += TarHeader.BLOCK;
                }
                default -> {
                    return Optional.of(member(header, pax, longName, longTarget));
                }
            }
        }
    }

    /** Hands all of the member's content that has not been read to {@code sink}, up to {@code limit} bytes. */
    public void content(long limit, Sink sink) throws IOException {
        long wanted = Math.min(limit, contentLeft);
        while (wanted > 0) {
            if (from == to) {
                fill();
            }
            int chunk = (int) Math.min(wanted, to - from);
            sink.write(buffer, from, chunk);
            from += chunk;
            contentLeft -= chunk;
            wanted -= chunk;
        }
    }

    /** Reads what follows the archive, so that a digest over the stream covers it. */
    public void drain() throws IOException {
        from = 0;
        to = 0;
        while (in.read(buffer, 0, BUFFER) >= 0) {
            // Only for the digest.
        }
    }

    private Optional<TarEntry> endOfArchive() throws IOException {
        // The second zero block may be missing; anything else in its place is damage.
        if (hasBlock() && !new TarHeader(buffer, from).isZero()) {
            throw new TarFormatException("the archive is damaged: data follows its end mark");
        }
        return Optional.empty();
    }

    private TarEntry member(TarHeader header, PaxRecords pax, @Nullable String longName, @Nullable String longTarget)
            throws IOException {
        String path = first(pax.get("GNU.sparse.name"), pax.get("path"), longName, header.name());
        String target = first(pax.get("linkpath"), longTarget, header.linkTarget());
        TarEntry.Type type = type(header.type(), path);
        long size = type == TarEntry.Type.FILE ? pax.number("size", header.size()) : 0;
        long fileSize = size;
        List<Segment> segments = List.of();
        boolean sparse = false;
        boolean mapInContent = false;
        if (type == TarEntry.Type.FILE && header.type() == 'S') {
            sparse = true;
            segments = new ArrayList<>(header.sparseMap());
            fileSize = header.sparseFileSize();
        } else if (type == TarEntry.Type.FILE && isPaxSparse(pax)) {
            sparse = true;
            fileSize = pax.number("GNU.sparse.realsize", pax.number("GNU.sparse.size", size));
            mapInContent = "1".equals(pax.get("GNU.sparse.major"));
            segments = new ArrayList<>(pax.sparseMap());
        }
        int mode = header.mode();
        int uid = id(pax.number("uid", header.uid()));
        int gid = id(pax.number("gid", header.gid()));
        int major = header.deviceMajor();
        int minor = header.deviceMinor();
        Timestamp mtime = Timestamp.parse(pax.get("mtime"), header.mtime());
        boolean continues = sparse && header.type() == 'S' && header.sparseMapContinues();
        from += TarHeader.BLOCK;
        // From here on the header's block may be overwritten by the next ones.
        while (continues) {
            if (!hasBlock()) {
                throw new EOFException("the archive ends within a sparse map");
            }
            TarHeader continuation = new TarHeader(buffer, from);
            segments.addAll(continuation.sparseContinuation());
            continues = continuation.sparseContinuationContinues();
            from += TarHeader.BLOCK;
            checkCount(segments);
        }
        begin(size);
        if (mapInContent) {
            segments = mapInContent();
        }
        if (sparse) {
            checkSegments(segments, fileSize);
        }
        return new TarEntry(
                type,
                checked(path),
                checked(target),
                mode,
                uid,
                gid,
                contentLeft,
                fileSize,
                mtime.seconds(),
                mtime.nanos(),
                major,
                minor,
                pax.xattrs(),
                sparse,
                segments);
    }

    private static boolean isPaxSparse(PaxRecords pax) throws TarFormatException {
        return pax.get("GNU.sparse.major") != null
                || pax.get("GNU.sparse.map") != null
                || !pax.sparseMap().isEmpty();
    }

    private static TarEntry.Type type(char flag, String path) throws TarFormatException {
        return switch (flag) {
            // A file whose name ends in a slash is how archives from before POSIX write a folder.
            case '0', '\0', '7' -> path.endsWith("/") ? TarEntry.Type.DIRECTORY : TarEntry.Type.FILE;
            case 'S' -> TarEntry.Type.FILE;
            case '1' -> TarEntry.Type.HARD_LINK;
            case '2' -> TarEntry.Type.SYMLINK;
            case '3' -> TarEntry.Type.CHARACTER_DEVICE;
            case '4' -> TarEntry.Type.BLOCK_DEVICE;
            case '5' -> TarEntry.Type.DIRECTORY;
            case '6' -> TarEntry.Type.FIFO;
            default -> throw new TarFormatException("the archive has a member of unknown type '" + flag + "'");
        };
    }

    private static int id(long id) throws TarFormatException {
        if (id < 0 || id > 0xffff_fffeL) {
            throw new TarFormatException("the archive has the user or group id " + id);
        }
        return (int) id;
    }

    private static String checked(String text) throws TarFormatException {
        if (text.indexOf('\0') >= 0) {
            throw new TarFormatException("a name in the archive holds a NUL");
        }
        return text;
    }

    private static String first(@Nullable String... candidates) {
        for (String candidate : candidates) {
            if (candidate != null) {
                return candidate;
            }
        }
        return "";
    }

    /** Version 1.0 of GNU's sparse format: decimal numbers in lines at the start of the content, padded to a block. */
    private List<Segment> mapInContent() throws IOException {
        int[] consumed = new int[1];
        long count = line(consumed);
        if (count > MAX_SEGMENTS) {
            throw new TarFormatException("a sparse map has " + count + " segments");
        }
        List<Segment> segments = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            segments.add(new Segment(line(consumed), line(consumed)));
        }
        int over = consumed[0] % TarHeader.BLOCK;
        long padding = Math.min(contentLeft, over == 0 ? 0 : TarHeader.BLOCK - over);
        skip(padding);
        contentLeft -= padding;
        return segments;
    }

    private long line(int[] consumed) throws IOException {
        long number = 0;
        while (contentLeft > 0) {
            if (from == to) {
                fill();
            }
            byte b = buffer[from++];
            contentLeft--;
            consumed[0]++;
            if (b == '\n') {
                return number;
            }
            if (b < '0' || b > '9' || number > Long.MAX_VALUE / 20) {
                throw new TarFormatException("a sparse map holds no valid number");
            }
            number = number * 10 + (b - '0');
        }
        throw new TarFormatException("a sparse map is longer than its file");
    }

    private void checkSegments(List<Segment> segments, long fileSize) throws TarFormatException {
        checkCount(segments);
        long end = 0;
        long total = 0;
        for (Segment segment : segments) {
            if (segment.offset() < end || segment.length() < 0 || segment.length() > fileSize - segment.offset()) {
                throw new TarFormatException("a sparse map does not fit its file");
            }
            end = segment.offset() + segment.length();
            total += segment.length();
        }
        if (total != contentLeft) {
            throw new TarFormatException("a sparse file has " + contentLeft + " bytes for a map of " + total);
        }
    }

    private static void checkCount(List<Segment> segments) throws TarFormatException {
        if (segments.size() > MAX_SEGMENTS) {
            throw new TarFormatException("a sparse map has more than " + MAX_SEGMENTS + " segments");
        }
    }

    private byte[] meta(TarHeader header) throws IOException {
        long size = header.size();
        if (size < 0 || size > MAX_META) {
            throw new TarFormatException("an extended header of " + size + " bytes");
        }
        from += TarHeader.BLOCK;
        begin(size);
        byte[] all = new byte[(int) size];
        int[] at = new int[1];
        content(size, (bytes, start, count) -> {
            System.arraycopy(bytes, start, all, at[0], count);
            at[0] += count;
        });
        return all;
    }

    private static String untilNul(byte[] bytes) {
        int end = 0;
        while (end < bytes.length && bytes[end] != 0) {
            end++;
        }
        return new String(bytes, 0, end, StandardCharsets.ISO_8859_1);
    }

    private void begin(long size) throws TarFormatException {
        if (size < 0 || size > Long.MAX_VALUE - TarHeader.BLOCK) {
            throw new TarFormatException("the archive has a member of " + size + " bytes");
        }
        contentLeft = size;
        int over = (int) (size % TarHeader.BLOCK);
        paddingLeft = over == 0 ? 0 : TarHeader.BLOCK - over;
    }

    private void skip(long count) throws IOException {
        long left = count;
        while (left > 0) {
            if (from == to) {
                fill();
            }
            int chunk = (int) Math.min(left, to - from);
            from += chunk;
            left -= chunk;
        }
    }

    /** Makes a whole block available at {@link #from}; false at a clean end of the stream. */
    private boolean hasBlock() throws IOException {
        if (to - from >= TarHeader.BLOCK) {
            return true;
        }
        System.arraycopy(buffer, from, buffer, 0, to - from);
        to -= from;
        from = 0;
        while (to < TarHeader.BLOCK) {
            int got = in.read(buffer, to, BUFFER - to);
            if (got < 0) {
                if (to == 0) {
                    return false;
                }
                throw new EOFException("the archive ends within a header");
            }
            to += got;
        }
        return true;
    }

    private void fill() throws IOException {
        int got = in.read(buffer, 0, BUFFER);
        if (got < 0) {
            throw new EOFException("the archive ends within a file");
        }
        from = 0;
        to = got;
    }
}
