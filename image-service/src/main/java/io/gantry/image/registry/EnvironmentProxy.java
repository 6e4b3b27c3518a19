package io.gantry.image.registry;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The proxies of HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in capitals or not, read as Go programs read them. */
final class EnvironmentProxy extends ProxySelector {
    private static final Logger LOG = LoggerFactory.getLogger(EnvironmentProxy.class);

    private final Optional<URI> http;
    private final Optional<URI> https;
    private final List<String> exempt = new ArrayList<>();

    EnvironmentProxy(Map<String, String> environment) {
        http = url(environment, "HTTP_PROXY");
        https = url(environment, "HTTPS_PROXY");
        for (String pattern : value(environment, "NO_PROXY").split(",", -1)) {
            if (!pattern.isBlank()) {
                exempt.add(pattern.strip().toLowerCase(Locale.ROOT));
            }
        }
    }

    @Override
    public List<Proxy> select(URI uri) {
        Optional<URI> proxy = proxyOf(uri);
        if (proxy.isEmpty()) {
            return List.of(Proxy.NO_PROXY);
        }
        // Left unresolved, so that a machine that reaches nothing but its proxy needs no DNS of the registry.
        return List.of(new Proxy(
                Proxy.Type.HTTP, InetSocketAddress.createUnresolved(proxy.get().getHost(), port(proxy.get()))));
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException failure) {
        LOG.debug("the proxy {} for {} cannot be reached: {}", address, uri.getHost(), failure.toString());
    }

    /** Host and port of the proxy for a request, if it has one; without its user. */
    Optional<String> name(URI uri) {
        return proxyOf(uri).map(proxy -> proxy.getHost() + ":" + port(proxy));
    }

    private static int port(URI proxy) {
        return proxy.getPort() < 0 ? 80 : proxy.getPort();
    }

    /** The Proxy-Authorization header for a request, if its proxy's URL holds a user. */
    Optional<String> authorization(URI uri) {
        return proxyOf(uri)
                .flatMap(proxy -> Optional.ofNullable(proxy.getUserInfo()))
                .map(user -> "Basic " + Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8)));
    }

    private Optional<URI> proxyOf(URI uri) {
        if (isExempt(uri)) {
            return Optional.empty();
        }
        return "https".equals(uri.getScheme()) ? https : http;
    }

    private boolean isExempt(URI uri) {
        String host = uri.getHost().toLowerCase(Locale.ROOT);
        int port = uri.getPort() >= 0 ? uri.getPort() : "https".equals(uri.getScheme()) ? 443 : 80;
        String bare = host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
        boolean literal = bare.indexOf(':') >= 0 || bare.matches("[0-9.]+");
        if (bare.equals("localhost")
                || (literal && address(bare).map(InetAddress::isLoopbackAddress).orElse(false))) {
            return true;
        }
        for (String pattern : exempt) {
            if (pattern.equals("*")
                    || matchesName(pattern, bare, port)
                    || (literal && pattern.indexOf('/') > 0 && inNetwork(pattern, bare))) {
                return true;
            }
        }
        return false;
    }

    private static boolean matchesName(String pattern, String host, int port) {
        String name = pattern;
        int colon = pattern.lastIndexOf(':');
        if (colon > 0 && pattern.indexOf(':') == colon) {
            if (!pattern.substring(colon + 1).equals(Integer.toString(port))) {
                return false;
            }
            name = pattern.substring(0, colon);
        }
        if (name.startsWith("*.")) {
            name = name.substring(1);
        }
        return name.startsWith(".") ? host.endsWith(name) : host.equals(name) || host.endsWith("." + name);
    }

    private static boolean inNetwork(String pattern, String host) {
        int slash = pattern.indexOf('/');
        Optional<InetAddress> network = address(pattern.substring(0, slash));
        Optional<InetAddress> address = address(host);
        int bits;
        try {
            bits = Integer.parseInt(pattern.substring(slash + 1));
        } catch (NumberFormatException e) {
            return false;
        }
        if (network.isEmpty() || address.isEmpty()) {
            return false;
        }
        byte[] a = network.get().getAddress();
        byte[] b = address.get().getAddress();
        if (a.length != b.length || bits < 0 || bits > a.length * 8) {
            return false;
        }
        for (int i = 0; i < bits; i++) {
            int mask = 0x80 >> (i % 8);
            if ((a[i / 8] & mask) != (b[i / 8] & mask)) {
                return false;
            }
        }
        return true;
    }

    private static Optional<InetAddress> address(String literal) {
        try {
            return Optional.of(InetAddress.ofLiteral(literal));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private static Optional<URI> url(Map<String, String> environment, String name) {
        String value = value(environment, name);
        if (value.isEmpty()) {
            return Optional.empty();
        }
        try {
            URI uri = URI.create(value.contains("://") ? value : "http://" + value);
            if (uri.getHost() != null && "http".equals(uri.getScheme())) {
                return Optional.of(uri);
            }
        } catch (IllegalArgumentException e) {
            // Told below; the value itself may hold a password.
        }
        LOG.warn("{} is not the URL of an HTTP proxy and is ignored", name);
        return Optional.empty();
    }

    private static String value(Map<String, String> environment, String name) {
        String lower = environment.getOrDefault(name.toLowerCase(Locale.ROOT), "");
        return lower.isEmpty() ? environment.getOrDefault(name, "") : lower;
    }
}
