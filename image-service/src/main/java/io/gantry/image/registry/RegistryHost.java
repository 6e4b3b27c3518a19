package io.gantry.image.registry;

import java.net.URI;
import java.util.List;
import java.util.Map;

/**
 * One place to ask for a repository.
 *
 * @param base scheme, host, port and the path before the repository, such as {@code https://mirror:5000/v2}
 * @param resolves may say what a tag means
 * @param pulls may serve what is asked for by digest
 * @param mirror whether it is another host than the one in the reference, which is then told along
 * @param headers sent with every request to this very host
 */
record RegistryHost(
        URI base, boolean resolves, boolean pulls, boolean mirror, TlsSettings tls, Map<String, List<String>> headers) {
    RegistryHost {
        headers = Map.copyOf(headers);
    }

    /** Host and port as in a URL. */
    String authority() {
        return base.getAuthority();
    }

    @Override
    public String toString() {
        return base.getScheme() + "://" + authority();
    }
}
