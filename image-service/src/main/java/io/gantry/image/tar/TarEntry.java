package io.gantry.image.tar;

import java.util.List;
import java.util.Map;

/**
 * One member of an archive. Texts are raw: a char is a byte.
 *
 * @param path as the archive has it: unchecked
 * @param linkTarget of a symbolic or hard link, else empty
 * @param mode permission bits with setuid, setgid and sticky
 * @param contentSize bytes that follow in the archive
 * @param fileSize bytes of the file once extracted; more than contentSize for a sparse one
 * @param mtimeNanos 0 to 999 999 999
 * @param xattrs raw names and values
 * @param segments where the content of a sparse file goes, in order; empty for a file without holes
 */
public record TarEntry(
        Type type,
        String path,
        String linkTarget,
        int mode,
        int uid,
        int gid,
        long contentSize,
        long fileSize,
        long mtimeSeconds,
        int mtimeNanos,
        int deviceMajor,
        int deviceMinor,
        Map<String, byte[]> xattrs,
        boolean sparse,
        List<Segment> segments) {
    /** What the member becomes. */
    public enum Type {
        FILE,
        HARD_LINK,
        SYMLINK,
        CHARACTER_DEVICE,
        BLOCK_DEVICE,
        DIRECTORY,
        FIFO
    }

    /** A stretch of data in a sparse file, in bytes. */
    public record Segment(long offset, long length) {}
}
