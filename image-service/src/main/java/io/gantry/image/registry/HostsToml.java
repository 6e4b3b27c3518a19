package io.gantry.image.registry;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.dataformat.toml.TomlFactory;
import io.gantry.image.ImageException;
import io.gantry.image.json.JsonTree;
import io.gantry.image.registry.TlsSettings.ClientCertificate;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A {@code hosts.toml} as containerd defines it (containerd, docs/hosts.md): mirrors in the order of the file, then the server itself. */
final class HostsToml {
    private static final TomlFactory TOML = new TomlFactory();

    private final Path file;

    private HostsToml(Path file) {
        this.file = file;
    }

    /**
     * Reads a file.
     *
     * @param registry the host in the reference
     * @param server where that host is when the file names no server
     * @throws ImageException INVALID, with the file's name, when it does not parse
     */
    static List<RegistryHost> read(Path file, String registry, URI server) throws ImageException {
        return new HostsToml(file).hosts(registry, server);
    }

    private List<RegistryHost> hosts(String registry, URI defaultServer) throws ImageException {
        JsonTree toml;
        try (JsonParser parser = TOML.createParser(Files.readString(file))) {
            toml = JsonTree.read(parser);
        } catch (IOException e) {
            throw invalid(String.valueOf(e.getMessage()), e);
        }
        List<RegistryHost> hosts = new ArrayList<>();
        for (Map.Entry<String, JsonTree> host : toml.get("host").members().entrySet()) {
            hosts.add(host(host.getKey(), host.getValue(), registry, defaultServer));
        }
        String server = toml.get("server").text();
        hosts.add(host(server.isEmpty() ? defaultServer.toString() : server, toml, registry, defaultServer));
        return hosts;
    }

    private RegistryHost host(String url, JsonTree settings, String registry, URI defaultServer) throws ImageException {
        URI base = base(url, settings.get("override_path").isTrue());
        List<String> capabilities = settings.get("capabilities").texts();
        boolean all = !settings.get("capabilities").isArray();
        Map<String, List<String>> headers = new HashMap<>();
        settings.get("header").members().forEach((name, value) -> headers.put(name, value.texts()));
        return new RegistryHost(
                base,
                all || capabilities.contains("resolve"),
                all || capabilities.contains("pull"),
                !base.getAuthority().equals(registry) && !base.getAuthority().equals(defaultServer.getAuthority()),
                tls(settings),
                headers);
    }

    private URI base(String url, boolean overridePath) throws ImageException {
        URI uri;
        try {
            uri = URI.create(url.contains("://") ? url : RegistryHosts.defaultScheme(url) + "://" + url);
        } catch (IllegalArgumentException e) {
            throw invalid("\"" + url + "\" is not a URL", e);
        }
        boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
        if (!http || uri.getHost() == null) {
            throw invalid("\"" + url + "\" is not a URL of http or https", null);
        }
        String path = uri.getPath().replaceAll("/+$", "");
        if (!overridePath && !path.endsWith("/v2")) {
            path += "/v2";
        }
        return URI.create(uri.getScheme() + "://" + uri.getAuthority() + path);
    }

    private TlsSettings tls(JsonTree settings) throws ImageException {
        List<Path> authorities = new ArrayList<>();
        for (String ca : settings.get("ca").texts()) {
            authorities.add(file.resolveSibling(ca));
        }
        List<ClientCertificate> clients = new ArrayList<>();
        JsonTree client = settings.get("client");
        if (!client.isArray()) {
            client.texts().forEach(pem -> clients.add(alone(pem)));
        }
        for (JsonTree element : client.elements()) {
            List<String> pair = element.texts();
            switch (pair.size()) {
                case 1 -> clients.add(alone(pair.getFirst()));
                case 2 ->
                    clients.add(new ClientCertificate(
                            file.resolveSibling(pair.getFirst()),
                            pair.getLast().isEmpty()
                                    ? Optional.empty()
                                    : Optional.of(file.resolveSibling(pair.getLast()))));
                default -> throw invalid("client must be a file, or pairs of certificate and key", null);
            }
        }
        return new TlsSettings(authorities, clients, settings.get("skip_verify").isTrue());
    }

    private ClientCertificate alone(String pem) {
        return new ClientCertificate(file.resolveSibling(pem), Optional.empty());
    }

    private ImageException invalid(String why, @Nullable Exception cause) {
        return new ImageException(ImageException.Kind.INVALID, "the registry settings " + file + ": " + why, cause);
    }
}
