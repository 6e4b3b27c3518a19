package io.gantry.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ConfigFileTest {
    @TempDir
    private Path folder;

    private DaemonConfig read(String text) throws IOException, ConfigException {
        return ConfigFile.read(Files.writeString(folder.resolve("config.toml"), text), Map.of());
    }

    @Test
    void everyKeyHasADefault() throws Exception {
        DaemonConfig config = ConfigFile.read(null, Map.of());
        assertThat(config.root()).isEqualTo(Path.of("/var/lib/gantry"));
        assertThat(config.socket()).isEqualTo(Path.of("/run/gantry/gantry.sock"));
        assertThat(config.image().stallTimeout()).isEqualTo(Duration.ofSeconds(30));
        assertThat(config.pods().podShmSize()).isEqualTo(64 << 20);
    }

    @Test
    void theDocumentedDefaultsAreTheRealOnes() throws Exception {
        try (var stream = DaemonConfig.class.getResourceAsStream("config.toml")) {
            assertThat(stream).isNotNull();
            String documented = new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            assertThat(read(documented)).isEqualTo(ConfigFile.read(null, Map.of()));
        }
    }

    @Test
    void theCommandLineWins() throws Exception {
        Path file = Files.writeString(folder.resolve("config.toml"), "root = \"/a\"\n[image]\nparallel_layers = 2\n");
        DaemonConfig config = ConfigFile.read(file, Map.of("root", "/b", "image.parallel_layers", "9"));
        assertThat(config.root()).isEqualTo(Path.of("/b"));
        assertThat(config.image().parallelLayers()).isEqualTo(9);
    }

    @Test
    void theSocketFollowsTheRunFolder() throws Exception {
        assertThat(read("run = \"/x\"").socket()).isEqualTo(Path.of("/x/gantry.sock"));
    }

    static List<Arguments> mistakes() {
        return List.of(
                arguments("rooot = \"/a\"", "unknown key rooot"),
                arguments("[image]\nparallel = 3", "unknown key image.parallel"),
                arguments("root = \"relative\"", "root = relative is not an absolute path"),
                arguments("root = 3", "root = 3 is not a string"),
                arguments("[cgroup]\ndriver = \"systemctl\"", "not one of auto, systemd, cgroupfs"),
                arguments("[image]\nparallel_layers = 0", "whole number from 1 to 64"),
                arguments("[image]\nparallel_layers = \"4\"", "whole number from 1 to 64"),
                arguments("[image]\nkeep_blobs = 1", "not true or false"),
                arguments("[image]\npinned = \"a\"", "not an array of strings"),
                arguments("[cni]\ntimeout = \"60\"", "not a duration"),
                arguments("[runtime]\npod_shm_size = \"64MB\"", "not a size"),
                arguments("root = ", "not valid TOML"));
    }

    @ParameterizedTest
    @MethodSource("mistakes")
    void tellsWhatIsWrong(String text, String message) {
        assertThatThrownBy(() -> read(text)).isInstanceOf(ConfigException.class).hasMessageContaining(message);
    }

    @Test
    void namesAMissingFile() {
        assertThatThrownBy(() -> ConfigFile.read(folder.resolve("none.toml"), Map.of()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("none.toml");
    }
}
