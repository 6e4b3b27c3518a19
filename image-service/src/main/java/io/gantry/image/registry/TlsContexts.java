package io.gantry.image.registry;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import javax.net.ssl.X509TrustManager;

/** Makes TLS contexts that trust what the JDK trusts, what the system trusts, and what the settings add. */
final class TlsContexts {
    /** Where distributions keep all their authorities in one file: Debian, Fedora, SUSE, Alpine. */
    private static final List<Path> SYSTEM = List.of(
            Path.of("/etc/ssl/certs/ca-certificates.crt"),
            Path.of("/etc/pki/tls/certs/ca-bundle.crt"),
            Path.of("/etc/ssl/ca-bundle.pem"),
            Path.of("/etc/ssl/cert.pem"));

    private TlsContexts() {}

    static SSLContext of(TlsSettings settings) throws IOException, GeneralSecurityException {
        SSLContext context = SSLContext.getInstance("TLS");
        TrustManager[] trust = settings.skipVerify() ? new TrustManager[] {new Credulous()} : trust(settings);
        context.init(keys(settings), trust, null);
        return context;
    }

    private static TrustManager[] trust(TlsSettings settings) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        TrustManagerFactory jdk = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        jdk.init((KeyStore) null);
        int count = 0;
        for (TrustManager manager : jdk.getTrustManagers()) {
            if (manager instanceof X509TrustManager x509) {
                for (X509Certificate certificate : x509.getAcceptedIssuers()) {
                    store.setCertificateEntry("jdk-" + count++, certificate);
                }
            }
        }
        for (Path system : SYSTEM) {
            if (Files.isReadable(system)) {
                count = add(store, system, count);
                break;
            }
        }
        for (Path authority : settings.authorities()) {
            count = add(store, authority, count);
        }
        TrustManagerFactory all = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        all.init(store);
        return all.getTrustManagers();
    }

    private static int add(KeyStore store, Path pem, int count) throws IOException, GeneralSecurityException {
        int next = count;
        for (Certificate certificate : certificates(pem)) {
            store.setCertificateEntry("file-" + next++, certificate);
        }
        return next;
    }

    private static List<Certificate> certificates(Path pem) throws IOException, CertificateException {
        try (InputStream in = Files.newInputStream(pem)) {
            return List.copyOf(CertificateFactory.getInstance("X.509").generateCertificates(in));
        } catch (CertificateException e) {
            throw new CertificateException(pem + ": " + e.getMessage(), e);
        }
    }

    private static KeyManager[] keys(TlsSettings settings) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        int count = 0;
        for (TlsSettings.ClientCertificate client : settings.clients()) {
            PrivateKey key = PemPrivateKey.read(client.key().orElse(client.certificate()));
            Certificate[] chain = certificates(client.certificate()).toArray(new Certificate[0]);
            store.setKeyEntry("client-" + count++, key, new char[0], chain);
        }
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, new char[0]);
        return factory.getKeyManagers();
    }

    /** For skip_verify. The "extended" kind, since with any other the JDK goes on to compare host names. */
    private static final class Credulous extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
