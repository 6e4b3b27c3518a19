package io.gantry.runtime.streaming;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where the server listens.
 *
 * @param address a numeric address or a name; it stands in the addresses given to clients
 * @param port 0 for any free one
 * @param spill a folder on a disk, for the input of terminals that their programs do not read
 * @param tls how it is encrypted; null for plain HTTP
 */
public record StreamingConfig(
        String address, int port, Path spill, @Nullable Tls tls) {

    /** Which certificate clients are shown. */
    public sealed interface Tls {}

    /**
     * One from files, followed when they change.
     *
     * @param certificate a PEM chain
     * @param key its PEM key, not encrypted: PKCS #8, or as OpenSSL writes RSA and EC keys
     */
    public record Given(Path certificate, Path key) implements Tls {}

    /**
     * One that the server makes and renews itself.
     *
     * @param folder where it is kept, with {@code ca.crt} for clients
     */
    public record Generated(Path folder) implements Tls {}
}
