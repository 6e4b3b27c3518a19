package io.gantry.image.registry;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * How to trust a host, beyond the machine's own certificate authorities.
 *
 * @param authorities PEM files
 * @param clients certificates to show, with their keys
 * @param skipVerify believe any certificate
 */
record TlsSettings(List<Path> authorities, List<ClientCertificate> clients, boolean skipVerify) {
    /** The machine's authorities and nothing else. */
    static final TlsSettings DEFAULT = new TlsSettings(List.of(), List.of(), false);

    TlsSettings {
        authorities = List.copyOf(authorities);
        clients = List.copyOf(clients);
    }

    /**
     * A certificate chain in PEM and its private key.
     *
     * @param key empty if it stands in the same file
     */
    record ClientCertificate(Path certificate, Optional<Path> key) {}
}
