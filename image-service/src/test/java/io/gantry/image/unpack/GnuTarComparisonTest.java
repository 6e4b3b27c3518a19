package io.gantry.image.unpack;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.linux.Directory;
import io.gantry.linux.FileStat;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What GNU tar packs, in each of its formats, comes out as it was. */
@Tag("privileged")
class GnuTarComparisonTest {
    @TempDir
    private Path folder;

    private Path source;

    @BeforeEach
    void makeTree() throws Exception {
        source = Files.createDirectories(folder.resolve("source"));
        run("sh", "-c", """
                set -e
                mkdir -p a/b "$(printf 'latin-\\351')" sticky
                chmod 1777 sticky; chmod 0500 a/b
                echo hello > a/file; chown 12345:54321 a/file; chmod 6711 a/file
                ln a/file a/b/hard
                ln -s ../file a/b/soft; ln -s /nowhere/$(printf '%0150d' 1) a/longlink
                mkfifo a/fifo; mknod a/null c 1 3; mknod a/loop b 7 300
                truncate -s 3M a/holes; printf x | dd of=a/holes bs=1 seek=1500000 conv=notrunc status=none
                printf y | dd of=a/holes bs=1 seek=3000000 conv=notrunc status=none
                touch -d '2001-02-03T04:05:06.789012345Z' a/file sticky
                touch -h -d '1999-12-31T23:59:59Z' a/b/soft
                """);
    }

    private void run(String... command) throws Exception {
        Process process = new ProcessBuilder(command)
                .directory(source.toFile())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
    }

    private static Map<String, String> describe(Directory folder, String prefix, boolean nanos) throws IOException {
        Map<String, String> all = new TreeMap<>();
        for (Directory.Entry entry : folder.list()) {
            FileStat stat = folder.stat(entry.name());
            String text = Integer.toOctalString(stat.mode()) + " " + stat.uid() + ":" + stat.gid() + " "
                    + stat.mtimeSeconds() + (nanos ? "." + stat.mtimeNanos() : "") + " " + stat.rdevMajor() + ","
                    + stat.rdevMinor() + " " + (stat.isDirectory() ? "" : stat.nlink() + " " + stat.size()) + " "
                    + (stat.isSymlink() ? folder.readlink(entry.name()) : "");
            all.put(prefix + entry.name(), text);
            if (stat.isDirectory()) {
                try (Directory below = folder.openDirectory(entry.name())) {
                    all.putAll(describe(below, prefix + entry.name() + "/", nanos));
                }
            }
        }
        return all;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--format=gnu",
                "--format=gnu --sparse",
                "--format=pax",
                "--format=pax --sparse --sparse-version=0.0",
                "--format=pax --sparse --sparse-version=0.1",
                "--format=pax --sparse --sparse-version=1.0",
            })
    void comesOutAsItWas(String options) throws Exception {
        run("sh", "-c", "tar -cf ../out.tar " + options + " .");
        Path target = Files.createDirectory(folder.resolve("target"));

        try (InputStream in = Files.newInputStream(folder.resolve("out.tar"));
                Directory root = Directory.open(target);
                LayerUnpacker unpacker = new LayerUnpacker(root);
                Directory original = Directory.open(source)) {
            unpacker.unpack(in);
            boolean nanos = options.contains("pax");
            assertThat(describe(root, "", nanos)).isEqualTo(describe(original, "", nanos));
        }
        assertThat(Files.mismatch(target.resolve("a/holes"), source.resolve("a/holes")))
                .isEqualTo(-1);
        if (options.contains("sparse")) {
            try (Directory a = Directory.open(target.resolve("a"))) {
                assertThat(a.stat("holes").blocks()).isLessThan(100);
            }
        }
    }
}
