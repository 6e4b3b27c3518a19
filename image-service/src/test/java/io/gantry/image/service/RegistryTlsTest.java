package io.gantry.image.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import io.gantry.image.ImageConfig;
import io.gantry.image.ImageException;
import io.gantry.image.PullRequest;
import io.gantry.image.fixture.TestImage;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import java.util.Set;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("privileged")
class RegistryTlsTest {
    private static final char[] PASSWORD = "changeit".toCharArray();

    @TempDir
    private Path folder;

    private final TestImage pushed = TestImage.small("tls");
    private HttpsServer server;
    private LocalImages images;
    private boolean wantsClient;

    @BeforeEach
    void start() throws Exception {
        makeKey("server", "RSA", "SAN=ip:127.0.0.1");
        server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            try (exchange) {
                String path = exchange.getRequestURI().getPath();
                byte[] content = path.contains("/manifests/")
                        ? pushed.manifest()
                        : pushed.blobs().entrySet().stream()
                                .filter(blob -> path.endsWith(blob.getKey().hex()))
                                .findFirst()
                                .orElseThrow()
                                .getValue();
                exchange.getResponseHeaders().set("Content-Type", TestImage.MANIFEST_TYPE);
                exchange.sendResponseHeaders(200, content.length);
                exchange.getResponseBody().write(content);
            }
        });
        images = LocalImages.open(
                folder.resolve("root"),
                new ImageConfig(folder.resolve("certs.d"), Set.of(), null, 2, Duration.ofSeconds(10), false, Set.of()));
    }

    @AfterEach
    void stop() {
        images.close();
        server.stop(0);
    }

    /** A certificate signed by itself, in a key store and in PEM. */
    private void makeKey(String name, String algorithm, String extension) throws Exception {
        Path store = folder.resolve(name + ".p12");
        run(
                Path.of(System.getProperty("java.home"), "bin/keytool").toString(),
                "-genkeypair",
                "-alias",
                name,
                "-keyalg",
                algorithm,
                "-dname",
                "CN=" + name,
                "-ext",
                extension,
                "-storetype",
                "PKCS12",
                "-keystore",
                store.toString(),
                "-storepass",
                new String(PASSWORD));
        KeyStore keys = load(name);
        Files.writeString(
                folder.resolve(name + ".pem"),
                pem("CERTIFICATE", keys.getCertificate(name).getEncoded()));
        Files.writeString(
                folder.resolve(name + ".key"),
                pem("PRIVATE KEY", keys.getKey(name, PASSWORD).getEncoded()));
    }

    private static void run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
    }

    private static String pem(String type, byte[] der) {
        return "-----BEGIN " + type + "-----\n" + Base64.getMimeEncoder().encodeToString(der) + "\n-----END " + type
                + "-----\n";
    }

    private KeyStore load(String name) throws Exception {
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(folder.resolve(name + ".p12"))) {
            keys.load(in, PASSWORD);
        }
        return keys;
    }

    private void serve(KeyStore trusted) throws Exception {
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(load("server"), PASSWORD);
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        server.setHttpsConfigurator(new HttpsConfigurator(context) {
            @Override
            public void configure(HttpsParameters parameters) {
                SSLParameters ssl = context.getDefaultSSLParameters();
                ssl.setNeedClientAuth(wantsClient);
                parameters.setSSLParameters(ssl);
            }
        });
        server.start();
    }

    private void settings(String lines) throws Exception {
        Path file =
                Files.createDirectories(folder.resolve("certs.d/tls.example")).resolve("hosts.toml");
        Files.writeString(
                file, "server = \"https://127.0.0.1:" + server.getAddress().getPort() + "\"\n" + lines);
    }

    private String pull() throws Exception {
        return images.pull(PullRequest.anonymous("tls.example/app")).id();
    }

    @Test
    void unknownAuthorityIsRefusedUnlessItIsNamedOrNothingIsVerified() throws Exception {
        serve(load("server"));
        settings("");
        assertThatThrownBy(this::pull).isInstanceOfSatisfying(ImageException.class, e -> {
            assertThat(e.kind()).isEqualTo(ImageException.Kind.REGISTRY_UNAVAILABLE);
            assertThat(e.getMessage()).contains("certif");
        });

        settings("ca = \"" + folder.resolve("server.pem") + "\"");
        assertThat(pull()).isEqualTo(pushed.id());

        images.remove(pushed.id());
        settings("skip_verify = true");
        assertThat(pull()).isEqualTo(pushed.id());
    }

    @Test
    void certificateOfAnotherHostIsRefused() throws Exception {
        Files.delete(folder.resolve("server.p12"));
        makeKey("server", "EC", "SAN=dns:elsewhere.example");
        serve(load("server"));
        settings("ca = \"" + folder.resolve("server.pem") + "\"");

        assertThatThrownBy(this::pull).isInstanceOf(ImageException.class);
        settings("skip_verify = true");
        assertThat(pull()).isEqualTo(pushed.id());
    }

    @ParameterizedTest
    @CsvSource({"RSA,pkcs8", "EC,pkcs8", "Ed25519,pkcs8", "RSA,traditional", "EC,traditional"})
    void clientShowsItsCertificate(String algorithm, String form) throws Exception {
        makeKey("client", algorithm, "EKU=clientAuth");
        Path key = folder.resolve("client.key");
        if (form.equals("traditional")) {
            run("openssl", "pkey", "-in", key.toString(), "-traditional", "-out", key + ".old");
            assertThat(key.resolveSibling("client.key.old")).content().contains("BEGIN " + algorithm + " PRIVATE KEY");
            key = key.resolveSibling("client.key.old");
        }
        wantsClient = true;
        serve(load("client"));
        settings("ca = \"" + folder.resolve("server.pem") + "\"");
        assertThatThrownBy(this::pull).isInstanceOf(ImageException.class);

        settings("ca = \"" + folder.resolve("server.pem") + "\"\nclient = [[\"" + folder.resolve("client.pem")
                + "\", \"" + key + "\"]]");

        assertThat(pull()).isEqualTo(pushed.id());
    }
}
