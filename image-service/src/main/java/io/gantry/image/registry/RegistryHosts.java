package io.gantry.image.registry;

import io.gantry.image.ImageException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where to ask for the images of a registry. The settings are read at each question, so that a change counts from the next pull on. Immutable.
 */
final class RegistryHosts {
    private static final String DOCKER_HUB = "docker.io";
    private static final String DOCKER_HUB_SERVER = "registry-1.docker.io";

    private final @Nullable Path folder;
    private final Set<String> insecure;

    RegistryHosts(@Nullable Path folder, Set<String> insecure) {
        this.folder = folder;
        this.insecure = insecure;
    }

    /** The hosts to try for {@code registry}, the host part of a reference, in order. */
    List<RegistryHost> of(String registry) throws ImageException {
        URI server = server(registry);
        Optional<Path> file = settings(registry);
        if (file.isPresent()) {
            return HostsToml.read(file.get(), registry, server);
        }
        return List.of(new RegistryHost(URI.create(server + "/v2"), true, true, false, TlsSettings.DEFAULT, Map.of()));
    }

    private URI server(String registry) {
        String host = registry.equals(DOCKER_HUB) ? DOCKER_HUB_SERVER : registry;
        String scheme = insecure.contains(registry) ? "http" : defaultScheme(host);
        return URI.create(scheme + "://" + host);
    }

    /** Plain HTTP for this machine's own registries, as containerd and Docker do, unless the port is that of HTTPS. */
    static String defaultScheme(String host) {
        String name = host;
        String port = "";
        int colon = host.lastIndexOf(':');
        if (colon > host.lastIndexOf(']')) {
            name = host.substring(0, colon);
            port = host.substring(colon + 1);
        }
        boolean local = name.equals("localhost") || name.startsWith("127.") || name.equals("[::1]");
        return local && !port.equals("443") ? "http" : "https";
    }

    /** The file that holds for a host, by the names that containerd knows for its folder. */
    private Optional<Path> settings(String registry) {
        if (folder == null) {
            return Optional.empty();
        }
        List<String> names = new ArrayList<>();
        int colon = registry.lastIndexOf(':');
        if (colon > registry.lastIndexOf(']')) {
            String underscored = registry.substring(0, colon) + "_" + registry.substring(colon + 1);
            names.add(underscored + "_");
            names.add(registry);
            names.add(underscored);
        } else {
            names.add(registry);
        }
        names.add("_default");
        for (String name : names) {
            Path file = folder.resolve(name).resolve("hosts.toml");
            if (Files.isRegularFile(file)) {
                return Optional.of(file);
            }
        }
        return Optional.empty();
    }
}
