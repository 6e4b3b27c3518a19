package io.gantry.image.unpack;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.linux.Directory;
import io.gantry.linux.FileStat;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What Commons Compress packs, which Maven's image builders use, comes out as it was: another writer than ours and GNU's, with other habits. */
@Tag("privileged")
class CommonsCompressComparisonTest {
    private static final long LARGE_ID = 3_000_000_000L;
    private static final Instant TIME = Instant.parse("2031-02-03T04:05:06.123456700Z");
    private static final String LONG = "n".repeat(120) + "/" + "m".repeat(140);

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({
        TarArchiveOutputStream.LONGFILE_POSIX + "," + TarArchiveOutputStream.BIGNUMBER_POSIX,
        TarArchiveOutputStream.LONGFILE_GNU + "," + TarArchiveOutputStream.BIGNUMBER_STAR
    })
    void longNamesLargeNumbersAndDevices(int longFiles, int bigNumbers) throws Exception {
        byte[] tar = archive(longFiles, bigNumbers);
        boolean pax = bigNumbers == TarArchiveOutputStream.BIGNUMBER_POSIX;

        try (Directory target = Directory.open(folder);
                LayerUnpacker unpacker = new LayerUnpacker(target)) {
            unpacker.unpack(new ByteArrayInputStream(tar));

            assertThat(Files.readString(folder.resolve(LONG))).isEqualTo("deep");
            FileStat file = target.stat("file");
            assertThat(Integer.toUnsignedLong(file.uid())).isEqualTo(LARGE_ID);
            assertThat(Integer.toUnsignedLong(file.gid())).isEqualTo(LARGE_ID + 1);
            assertThat(file.mode() & 07777).isEqualTo(06711);
            assertThat(file.mtimeSeconds()).isEqualTo(TIME.getEpochSecond());
            assertThat(file.mtimeNanos()).isEqualTo(pax ? TIME.getNano() : 0);
            assertThat(Files.readSymbolicLink(folder.resolve("link"))).hasToString("/" + LONG);
            assertThat(Files.isSameFile(folder.resolve("hard"), folder.resolve("file")))
                    .isTrue();
            FileStat device = target.stat("null");
            assertThat(device.rdevMajor()).isEqualTo(1);
            assertThat(device.rdevMinor()).isEqualTo(3);
        }
    }

    private static byte[] archive(int longFiles, int bigNumbers) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes, StandardCharsets.UTF_8.name())) {
            tar.setLongFileMode(longFiles);
            tar.setBigNumberMode(bigNumbers);
            put(tar, new TarArchiveEntry(LONG), "deep");
            TarArchiveEntry file = new TarArchiveEntry("file");
            file.setMode(0106711);
            file.setUserId(LARGE_ID);
            file.setGroupId(LARGE_ID + 1);
            file.setLastModifiedTime(FileTime.from(TIME));
            put(tar, file, "content");
            TarArchiveEntry link = new TarArchiveEntry("link", TarConstants.LF_SYMLINK);
            link.setLinkName("/" + LONG);
            put(tar, link, "");
            TarArchiveEntry hard = new TarArchiveEntry("hard", TarConstants.LF_LINK);
            hard.setLinkName("file");
            put(tar, hard, "");
            TarArchiveEntry device = new TarArchiveEntry("null", TarConstants.LF_CHR);
            device.setDevMajor(1);
            device.setDevMinor(3);
            put(tar, device, "");
        }
        return bytes.toByteArray();
    }

    private static void put(TarArchiveOutputStream tar, TarArchiveEntry entry, String content) throws IOException {
        byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
        entry.setSize(bytes.length);
        tar.putArchiveEntry(entry);
        tar.write(bytes);
        tar.closeArchiveEntry();
    }
}
