package io.gantry.image.unpack;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;

/** Finds out how a layer is compressed. By its first bytes, since media types lie and the digests guard the content anyway. */
public final class Decompression {
    private static final int MAGIC = 6;
    /** 128 MiB of history, what {@code zstd --long} and zstd's own limit for decoders ask. */
    private static final int MAX_ZSTD_WINDOW_LOG = 27;

    /** KiB: what {@code xz -6}, its default, asks of a decoder is on the heap, and several layers are unpacked at a time. */
    private static final int MAX_XZ_MEMORY = 10 << 10;

    private Decompression() {}

    /**
     * A stream of the uncompressed bytes: of gzip, zstd or plain data, or of bzip2 or xz, which podman and CRI-O take too. Closing it frees native memory and does not close
     * {@code in}.
     */
    public static InputStream open(InputStream in) throws IOException {
        byte[] magic = in.readNBytes(MAGIC);
        InputStream whole = new SequenceInputStream(new ByteArrayInputStream(magic), in);
        if (magic.length >= 2 && (magic[0] & 0xff) == 0x1f && (magic[1] & 0xff) == 0x8b) {
            return new GzipInput(whole, RawInflater.fastest());
        }
        if (BZip2CompressorInputStream.matches(magic, magic.length)) {
            return new BZip2CompressorInputStream(new Unclosed(whole), true);
        }
        if (XZCompressorInputStream.matches(magic, magic.length)) {
            return XZCompressorInputStream.builder()
                    .setInputStream(new Unclosed(whole))
                    .setDecompressConcatenated(true)
                    .setMemoryLimitKiB(MAX_XZ_MEMORY)
                    .get();
        }
        if (magic.length >= 4 && isZstd(magic)) {
            ZstdInputStreamNoFinalizer zstd = new ZstdInputStreamNoFinalizer(new Unclosed(whole));
            zstd.setLongMax(MAX_ZSTD_WINDOW_LOG);
            return zstd;
        }
        return new Unclosed(whole);
    }

    private static boolean isZstd(byte[] magic) {
        int number =
                (magic[0] & 0xff) | ((magic[1] & 0xff) << 8) | ((magic[2] & 0xff) << 16) | ((magic[3] & 0xff) << 24);
        // A frame, or one of the 16 kinds of skippable frames that may stand before it (RFC 8878, 3.1).
        return number == 0xFD2FB528 || (number & 0xFFFFFFF0) == 0x184D2A50;
    }

    /** Keeps what is below open, which belongs to the caller. */
    private static final class Unclosed extends java.io.FilterInputStream {
        Unclosed(InputStream in) {
            super(in);
        }

        @Override
        public void close() {
            // On purpose.
        }
    }
}
