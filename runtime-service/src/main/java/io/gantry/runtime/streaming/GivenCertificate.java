package io.gantry.runtime.streaming;

import io.gantry.image.registry.PemPrivateKey;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A certificate and its key in files that somebody else makes and renews. */
final class GivenCertificate implements TlsSource {
    private final Path certificate;
    private final Path key;
    private List<Object> seen = List.of();

    GivenCertificate(Path certificate, Path key) {
        this.certificate = certificate;
        this.key = key;
    }

    @Override
    public @Nullable SslContext next() throws IOException {
        List<Object> now = List.of(state(certificate), state(key));
        if (now.equals(seen)) {
            return null;
        }
        try {
            X509Certificate[] chain = chain();
            PrivateKey secret = PemPrivateKey.read(key);
            if (!belongTogether(secret, chain[0])) {
                throw new IOException("key " + key + " is not that of certificate " + certificate);
            }
            SslContext context = SslContextBuilder.forServer(secret, chain).build();
            seen = now;
            return context;
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            throw new IOException("cannot use certificate " + certificate + " with key " + key + ": " + e, e);
        }
    }

    private X509Certificate[] chain() throws IOException, GeneralSecurityException {
        try (InputStream in = Files.newInputStream(certificate)) {
            X509Certificate[] chain = CertificateFactory.getInstance("X.509").generateCertificates(in).stream()
                    .map(X509Certificate.class::cast)
                    .toArray(X509Certificate[]::new);
            if (chain.length == 0) {
                throw new CertificateException(certificate + " holds no certificate");
            }
            return chain;
        }
    }

    /** While both are being replaced, one may be newer than the other. */
    private static boolean belongTogether(PrivateKey key, X509Certificate certificate) throws GeneralSecurityException {
        if (!key.getAlgorithm().equals(certificate.getPublicKey().getAlgorithm())) {
            return false;
        }
        Signature signature = Signature.getInstance(
                switch (key.getAlgorithm()) {
                    case "RSA" -> "SHA256withRSA";
                    case "EC" -> "SHA256withECDSA";
                    default -> key.getAlgorithm();
                });
        signature.initSign(key);
        signature.update(certificate.getEncoded());
        byte[] signed = signature.sign();
        signature.initVerify(certificate.getPublicKey());
        signature.update(certificate.getEncoded());
        return signature.verify(signed);
    }

    private static List<Object> state(Path file) throws IOException {
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            return List.of(attributes.lastModifiedTime(), attributes.size(), String.valueOf(attributes.fileKey()));
        } catch (IOException e) {
            throw new IOException("cannot read " + file + ": " + e, e);
        }
    }
}
