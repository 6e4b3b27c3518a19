package io.gantry.runtime.streaming;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where the server listens.
 *
 * @param address a numeric address or a name; it stands in the addresses given to clients
 * @param port 0 for any free one
 * @param tlsCert PEM certificate chain; null for plain HTTP
 * @param tlsKey its PEM key (PKCS #8); null without a certificate
 */
public record StreamingConfig(
        String address,
        int port,
        @Nullable Path tlsCert,
        @Nullable Path tlsKey) {}
