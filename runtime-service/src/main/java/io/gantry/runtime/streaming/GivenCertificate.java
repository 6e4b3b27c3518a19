package io.gantry.runtime.streaming;

import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import javax.net.ssl.SSLException;
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
            SslContext context = SslContextBuilder.forServer(certificate.toFile(), key.toFile())
                    .build();
            seen = now;
            return context;
        } catch (SSLException | IllegalArgumentException e) {
            throw new IOException("cannot use certificate " + certificate + " with key " + key + ": " + e, e);
        }
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
