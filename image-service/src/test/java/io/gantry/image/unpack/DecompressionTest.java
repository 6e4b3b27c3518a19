package io.gantry.image.unpack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;
import io.gantry.image.fixture.TestImage;
import io.gantry.linux.IsalInflate;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorOutputStream;
import org.junit.jupiter.api.Test;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

class DecompressionTest {
    private static final byte[] CONTENT = content();

    private static byte[] content() {
        byte[] content = new byte[700_000];
        new Random(2).nextBytes(content);
        Arrays.fill(content, 100_000, 400_000, (byte) 'x');
        return content;
    }

    private static byte[] joined(byte[]... parts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    /** As a network may give it: a few bytes at a time, and never a word about what is to come. */
    private static InputStream trickle(byte[] bytes, int piece) {
        return new ByteArrayInputStream(bytes) {
            @Override
            public int read(byte[] into, int from, int count) {
                return super.read(into, from, Math.min(count, piece));
            }

            @Override
            public int available() {
                return 0;
            }
        };
    }

    private static byte[] inflate(byte[] compressed, int piece) throws IOException {
        try (InputStream in = Decompression.open(trickle(compressed, piece))) {
            return in.readAllBytes();
        }
    }

    @Test
    void bothInflatersGiveTheSame() throws IOException {
        byte[] two = joined(TestImage.gzip(CONTENT), TestImage.gzip(new byte[] {1, 2, 3}));
        for (int piece : new int[] {1, 5, 4096, 1 << 20}) {
            try (GzipInput jdk = new GzipInput(trickle(two, piece), new JdkInflater());
                    GzipInput isal = new GzipInput(
                            trickle(two, piece),
                            new IsalInflater(IsalInflate.open().orElseThrow()))) {
                assertThat(jdk.readAllBytes()).isEqualTo(joined(CONTENT, new byte[] {1, 2, 3}));
                assertThat(isal.readAllBytes()).isEqualTo(joined(CONTENT, new byte[] {1, 2, 3}));
            }
        }
    }

    @Test
    void bzip2AndXzOfSeveralStreams() throws IOException {
        for (int piece : new int[] {1, 4096, 1 << 20}) {
            assertThat(inflate(joined(bzip2(CONTENT), bzip2(new byte[] {1, 2})), piece))
                    .isEqualTo(joined(CONTENT, new byte[] {1, 2}));
            assertThat(inflate(joined(xz(CONTENT, 8), xz(new byte[] {1, 2}, 8)), piece))
                    .isEqualTo(joined(CONTENT, new byte[] {1, 2}));
        }
        byte[] cut = xz(CONTENT, 8);
        assertThatThrownBy(() -> inflate(Arrays.copyOf(cut, cut.length / 2), 4096))
                .isInstanceOf(IOException.class);
        assertThatThrownBy(() -> inflate(Arrays.copyOf(bzip2(CONTENT), 100_000), 4096))
                .isInstanceOf(IOException.class);
    }

    @Test
    void xzThatWantsTooMuchMemoryIsRefused() throws IOException {
        byte[] greedy = xz(CONTENT, 16);
        assertThatThrownBy(() -> inflate(greedy, 4096))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("memory");
    }

    private static byte[] bzip2(byte[] content) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (BZip2CompressorOutputStream bzip2 = new BZip2CompressorOutputStream(out)) {
            bzip2.write(content);
        }
        return out.toByteArray();
    }

    private static byte[] xz(byte[] content, int dictionaryMib) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        LZMA2Options options = new LZMA2Options(1);
        options.setDictSize(dictionaryMib << 20);
        try (XZOutputStream xz = new XZOutputStream(out, options)) {
            xz.write(content);
        }
        return out.toByteArray();
    }

    @Test
    void storedBlocksAndEveryLengthEndWhereTheyShould() throws IOException {
        for (int length = 0; length < 300; length++) {
            byte[] content = Arrays.copyOf(CONTENT, length);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            try (GZIPOutputStream stored = new GZIPOutputStream(out) {
                {
                    def.setLevel(Deflater.NO_COMPRESSION);
                }
            }) {
                stored.write(content);
            }
            byte[] both = joined(out.toByteArray(), TestImage.gzip(content));
            assertThat(inflate(both, 13)).as("length %d", length).isEqualTo(joined(content, content));
        }
    }

    @Test
    void readsGzipOfOneAndOfManyMembers() throws IOException {
        byte[] one = TestImage.gzip(CONTENT);
        for (int piece : new int[] {1, 7, 4096, 1 << 20}) {
            assertThat(inflate(one, piece)).isEqualTo(CONTENT);
            assertThat(inflate(joined(one, TestImage.gzip(new byte[0]), TestImage.gzip(new byte[] {1, 2})), piece))
                    .isEqualTo(joined(CONTENT, new byte[] {1, 2}));
        }
        assertThat(inflate(joined(one, new byte[1000]), 100)).isEqualTo(CONTENT);
    }

    @Test
    void readsGzipWithAllOptionalFieldsInItsHeader() throws IOException {
        byte[] plain = TestImage.gzip(CONTENT);
        byte[] header = HexFormat.of().parseHex("1f8b081f00000000000304006162636466696c6500636f6d6d656e7400" + "0000");

        assertThat(inflate(joined(header, Arrays.copyOfRange(plain, 10, plain.length)), 3))
                .isEqualTo(CONTENT);
    }

    @Test
    void damagedGzipIsRefused() {
        byte[] good = TestImage.gzip(CONTENT);
        byte[] badCrc = good.clone();
        badCrc[good.length - 8] ^= 1;
        byte[] badLength = good.clone();
        badLength[good.length - 1] ^= 1;
        byte[] badData = good.clone();
        badData[good.length / 2] ^= 0x55;
        for (byte[] bad : new byte[][] {
            badCrc,
            badLength,
            badData,
            Arrays.copyOf(good, good.length - 1),
            Arrays.copyOf(good, good.length / 2),
            Arrays.copyOf(good, 5),
            joined(good, new byte[] {1, 2, 3}),
            joined(good, Arrays.copyOf(good, 20))
        }) {
            assertThatThrownBy(() -> inflate(bad, 1000)).isInstanceOf(IOException.class);
        }
    }

    @Test
    void readsZstdOfOneAndOfManyFrames() throws IOException {
        byte[] one = Zstd.compress(CONTENT, 3);
        byte[] skippable = HexFormat.of().parseHex("502a4d1804000000deadbeef");

        assertThat(inflate(one, 11)).isEqualTo(CONTENT);
        assertThat(inflate(joined(skippable, one, skippable, Zstd.compress(new byte[] {5})), 4096))
                .isEqualTo(joined(CONTENT, new byte[] {5}));
        assertThatThrownBy(() -> inflate(Arrays.copyOf(one, one.length - 10), 4096))
                .isInstanceOf(IOException.class);
    }

    @Test
    void passesPlainDataThrough() throws IOException {
        assertThat(inflate(CONTENT, 1000)).isEqualTo(CONTENT);
        assertThat(inflate(new byte[] {0x1f}, 1000)).isEqualTo(new byte[] {0x1f});
        assertThat(inflate(new byte[0], 1000)).isEmpty();
    }
}
