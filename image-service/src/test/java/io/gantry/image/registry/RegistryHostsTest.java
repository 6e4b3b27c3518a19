package io.gantry.image.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.image.ImageException;
import io.gantry.image.registry.TlsSettings.ClientCertificate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RegistryHostsTest {
    @TempDir
    private Path folder;

    private List<RegistryHost> hosts(String registry) throws ImageException {
        return new RegistryHosts(folder, Set.of("plain.example")).of(registry);
    }

    private Path write(String name, String toml) throws IOException {
        return Files.writeString(Files.createDirectories(folder.resolve(name)).resolve("hosts.toml"), toml);
    }

    @ParameterizedTest
    @CsvSource({
        "docker.io, https://registry-1.docker.io/v2",
        "registry.k8s.io, https://registry.k8s.io/v2",
        "plain.example, http://plain.example/v2",
        "localhost:5000, http://localhost:5000/v2",
        "127.0.0.1:5000, http://127.0.0.1:5000/v2",
        "localhost:443, https://localhost:443/v2",
        "'[::1]:5000', 'http://[::1]:5000/v2'",
    })
    void withoutSettingsItIsTheRegistryItself(String registry, String base) throws ImageException {
        assertThat(hosts(registry)).hasSize(1).allSatisfy(host -> {
            assertThat(host.base()).hasToString(base);
            assertThat(host.mirror()).isFalse();
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"reg.example_5000_", "reg.example:5000", "reg.example_5000", "_default"})
    void folderIsFoundByAllItsNames(String name) throws Exception {
        write(name, "server = \"https://found.example\"");

        assertThat(hosts("reg.example:5000").getFirst().base()).hasToString("https://found.example/v2");
    }

    @Test
    void readsAllSettings() throws Exception {
        write("reg.example", """
                server = "https://upstream.example/prefix"
                ca = "/etc/ca.pem"

                [host."https://second.example:8443/"]
                  capabilities = ["resolve"]
                  ca = ["a.pem", "/b.pem"]
                  client = [["cert.pem", "key.pem"], ["alone.pem"]]
                  skip_verify = true

                [host."http://first.example/own/path"]
                  capabilities = ["pull", "push"]
                  override_path = true
                  client = "both.pem"
                  [host."http://first.example/own/path".header]
                    x-one = "1"
                    x-two = ["2", "3"]
                """);
        Path own = folder.resolve("reg.example");

        List<RegistryHost> hosts = hosts("reg.example");

        assertThat(hosts.stream().map(host -> host.base().toString()))
                .containsExactly(
                        "https://second.example:8443/v2",
                        "http://first.example/own/path",
                        "https://upstream.example/prefix/v2");
        assertThat(hosts.get(0).resolves()).isTrue();
        assertThat(hosts.get(0).pulls()).isFalse();
        assertThat(hosts.get(0).mirror()).isTrue();
        assertThat(hosts.get(0).tls())
                .isEqualTo(new TlsSettings(
                        List.of(own.resolve("a.pem"), Path.of("/b.pem")),
                        List.of(
                                new ClientCertificate(own.resolve("cert.pem"), Optional.of(own.resolve("key.pem"))),
                                new ClientCertificate(own.resolve("alone.pem"), Optional.empty())),
                        true));
        assertThat(hosts.get(1).resolves()).isFalse();
        assertThat(hosts.get(1).pulls()).isTrue();
        assertThat(hosts.get(1).headers()).isEqualTo(Map.of("x-one", List.of("1"), "x-two", List.of("2", "3")));
        assertThat(hosts.get(1).tls().clients())
                .containsExactly(new ClientCertificate(own.resolve("both.pem"), Optional.empty()));
        assertThat(hosts.get(2).tls().authorities()).containsExactly(Path.of("/etc/ca.pem"));
        assertThat(hosts.get(2).pulls() && hosts.get(2).resolves()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"server = ", "server = \"ftp://x\"", "[host.\"http://\"]", "[host.\"x\"]\nclient = [[]]"})
    void whatDoesNotParseIsToldWithTheFile(String toml) throws Exception {
        Path file = write("reg.example", toml);

        assertThatThrownBy(() -> hosts("reg.example"))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining(file.toString());
    }
}
