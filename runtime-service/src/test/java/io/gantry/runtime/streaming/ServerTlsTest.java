package io.gantry.runtime.streaming;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Base64;
import java.util.Objects;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Certificates made by the real keytool, and a client that verifies them, host name included. */
@Timeout(300)
class ServerTlsTest {
    private static final char[] PASSWORD = "gantry".toCharArray();

    @TempDir
    private Path folder;

    private GeneratedCertificate generated(InstantSource clock) {
        return new GeneratedCertificate(folder, "127.0.0.1", clock);
    }

    private X509Certificate stored(String alias) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(folder.resolve("streaming.p12"))) {
            store.load(in, PASSWORD);
        }
        return (X509Certificate) store.getCertificate(alias);
    }

    /** Trusts what the file says and nothing else. */
    private static Socket connect(String url, Path authority) throws Exception {
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        try (InputStream in = Files.newInputStream(authority)) {
            trusted.setCertificateEntry(
                    "ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        URI uri = URI.create(url);
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(uri.getHost(), uri.getPort());
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        return socket;
    }

    private static void execOver(StreamingConfig config, Path authority) throws Exception {
        FakeProcess process = new FakeProcess();
        try (StreamingServer server = StreamingServer.start(config)) {
            String url =
                    Objects.requireNonNull(server.exec(new ProcessStreams(false, true, false, false), _ -> process));
            assertThat(url).startsWith("https://127.0.0.1:");
            try (SpdyClient client = new SpdyClient(connect(url, authority), url, "POST", "v4.channel.k8s.io")) {
                client.open(1, "streamtype", "error");
                client.open(3, "streamtype", "stdout");
                for (int i = 0; i < 100; i++) {
                    process.prints(new byte[16 << 10]);
                }
                process.exits(0);
                assertThat(client.readAll(3)).hasSize(1600 << 10);
                assertThat(client.readAll(1)).contains("Success");
            }
        }
    }

    @Test
    void makesItsOwnCertificateKeepsItAndRenewsIt() throws Exception {
        execOver(
                new StreamingConfig("127.0.0.1", 0, Path.of("target"), new StreamingConfig.Generated(folder)),
                folder.resolve("ca.crt"));
        Path store = folder.resolve("streaming.p12");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(store)))
                .isEqualTo("rw-------");
        X509Certificate first = stored("server");
        X509Certificate authority = stored("ca");
        assertThat(first.getExtendedKeyUsage()).containsExactly("1.3.6.1.5.5.7.3.1");
        assertThat(first.getBasicConstraints()).as("not an authority").isEqualTo(-1);

        GeneratedCertificate again = generated(InstantSource.system());
        assertThat(again.next()).isNotNull();
        assertThat(again.next()).as("the same").isNull();
        assertThat(stored("server")).isEqualTo(first);

        Instant late = first.getNotAfter().toInstant().minus(Duration.ofDays(20));
        assertThat(generated(() -> late).next()).isNotNull();
        X509Certificate second = stored("server");
        assertThat(second.getSerialNumber()).isNotEqualTo(first.getSerialNumber());
        assertThat(stored("ca")).as("what clients trust").isEqualTo(authority);
        execOver(
                new StreamingConfig("127.0.0.1", 0, Path.of("target"), new StreamingConfig.Generated(folder)),
                folder.resolve("ca.crt"));

        new GeneratedCertificate(folder, "node.example", InstantSource.system()).next();
        assertThat(stored("server").getSubjectAlternativeNames())
                .anyMatch(name -> name.get(1).equals("node.example"));
        assertThat(folder.toFile().list()).containsExactlyInAnyOrder("streaming.p12", "ca.crt");
    }

    @Test
    void showsAGivenCertificateAndFollowsIt() throws Exception {
        generated(InstantSource.system()).next();
        Path certificate = folder.resolve("tls.crt");
        Path key = folder.resolve("tls.key");
        writePem(certificate, key);
        execOver(
                new StreamingConfig("127.0.0.1", 0, Path.of("target"), new StreamingConfig.Given(certificate, key)),
                folder.resolve("ca.crt"));

        GivenCertificate given = new GivenCertificate(certificate, key);
        ServerTls tls = new ServerTls(given, Duration.ZERO);
        Object first = tls.context();
        Files.writeString(certificate, "half a certi");
        assertThatThrownBy(new GivenCertificate(certificate, key)::next)
                .isInstanceOf(IOException.class)
                .hasMessageContaining(certificate.toString());
        assertThat(tls.context()).as("the old one goes on").isSameAs(first);
        Instant late = stored("server").getNotAfter().toInstant().minus(Duration.ofDays(20));
        generated(() -> late).next();
        Path other = folder.resolve("other.key");
        writePem(certificate, other);
        assertThatThrownBy(new GivenCertificate(certificate, key)::next)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("is not that of");
        writePem(certificate, key);
        while (tls.context().equals(first)) {
            Thread.sleep(20);
        }
        Files.delete(key);
        assertThatThrownBy(() -> StreamingServer.start(new StreamingConfig(
                        "127.0.0.1", 0, Path.of("target"), new StreamingConfig.Given(certificate, key))))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(key.toString());
    }

    private void writePem(Path certificate, Path key) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(folder.resolve("streaming.p12"))) {
            store.load(in, PASSWORD);
        }
        Files.writeString(
                certificate, pem("CERTIFICATE", store.getCertificate("server").getEncoded()));
        Files.writeString(key, pem("PRIVATE KEY", ((PrivateKey) store.getKey("server", PASSWORD)).getEncoded()));
    }

    private static String pem(String kind, byte[] bytes) {
        return "-----BEGIN " + kind + "-----\n" + Base64.getMimeEncoder().encodeToString(bytes) + "\n-----END " + kind
                + "-----\n";
    }
}
