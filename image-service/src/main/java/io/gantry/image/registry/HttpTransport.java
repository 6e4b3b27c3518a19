package io.gantry.image.registry;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * Sends single requests, with TLS, proxies and limits on waiting. Follows nothing and authenticates nowhere by itself. HTTP/1.1 only: with HTTP/2 the parallel
 * layers would share one connection, whose windows let megabytes pile up for each layer that waits for its turn. Thread-safe.
 */
final class HttpTransport implements AutoCloseable {
    private static final Duration CONNECT = Duration.ofSeconds(30);
    private static final int MAX_DISCARDED = 16 * 1024;
    private static final String USER_AGENT = "gantry";

    static {
        // The JDK's default refuses to log in at a proxy before a tunnel, which is what proxies with users want. A
        // setting of the operator wins.
        if (System.getProperty("jdk.http.auth.tunneling.disabledSchemes") == null) {
            System.setProperty("jdk.http.auth.tunneling.disabledSchemes", "");
        }
    }

    private final EnvironmentProxy proxies;
    private final Duration stall;
    private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    private final Map<Key, HttpClient> clients = new HashMap<>();

    HttpTransport(Map<String, String> environment, Duration stall) {
        this.proxies = new EnvironmentProxy(environment);
        this.stall = stall;
    }

    /** A client serves as long as its settings and the files behind them stay as they are. */
    private record Key(boolean secure, TlsSettings tls, List<FileTime> changed) {}

    /** An answer. Closing it breaks the connection unless the body has been read. */
    record Response(int status, URI uri, HttpHeaders headers, BodyStream body) implements AutoCloseable {
        @Override
        public void close() {
            body.close();
        }

        /** Closes it with its connection kept for the next request, if its body is short. */
        void discard() {
            try (this) {
                body.readNBytes(MAX_DISCARDED);
            } catch (IOException e) {
                // The connection is of no use any more, which is no loss.
            }
        }

        String header(String name) {
            return headers.firstValue(name).orElse("");
        }
    }

    /** Sends a request and waits for the head of the answer. */
    Response send(TlsSettings tls, String method, URI uri, Map<String, List<String>> headers, @Nullable String form)
            throws IOException, InterruptedException {
        HttpRequest.Builder request;
        try {
            request = HttpRequest.newBuilder(uri);
        } catch (IllegalArgumentException e) {
            throw new IOException("cannot ask " + uri.getHost() + ": " + e.getMessage(), e);
        }
        request.timeout(stall);
        request.header("User-Agent", USER_AGENT);
        headers.forEach((name, values) -> values.forEach(value -> request.header(name, value)));
        proxies.authorization(uri).ifPresent(value -> request.header("Proxy-Authorization", value));
        if (form != null) {
            request.header("Content-Type", "application/x-www-form-urlencoded");
            request.method(method, HttpRequest.BodyPublishers.ofString(form));
        } else {
            request.method(method, HttpRequest.BodyPublishers.noBody());
        }
        HttpClient client = client(tls, "https".equals(uri.getScheme()));
        try {
            HttpResponse<BodyStream> response = client.send(request.build(), head -> new BodyStream(stall));
            return new Response(response.statusCode(), uri, response.headers(), response.body());
        } catch (IOException e) {
            // Else a registry would be blamed for a proxy that cannot be reached.
            throw proxies.name(uri)
                    .map(proxy -> new IOException("through the proxy " + proxy, e))
                    .orElse(e);
        }
    }

    private synchronized HttpClient client(TlsSettings tls, boolean secure) throws IOException {
        List<FileTime> changed = new ArrayList<>();
        for (Path file : tls.authorities()) {
            changed.add(Files.getLastModifiedTime(file));
        }
        for (TlsSettings.ClientCertificate client : tls.clients()) {
            changed.add(Files.getLastModifiedTime(client.certificate()));
            if (client.key().isPresent()) {
                changed.add(Files.getLastModifiedTime(client.key().get()));
            }
        }
        Key key = new Key(secure, tls, changed);
        HttpClient known = clients.get(key);
        if (known != null) {
            return known;
        }
        HttpClient.Builder builder = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(CONNECT.compareTo(stall) < 0 ? CONNECT : stall)
                .executor(executor)
                .proxy(proxies);
        if (secure) {
            // Reading all authorities takes 100 ms, which plain HTTP need not pay.
            try {
                builder.sslContext(TlsContexts.of(tls));
            } catch (GeneralSecurityException e) {
                throw new IOException("the TLS settings cannot be used: " + e.getMessage(), e);
            }
        }
        HttpClient client = builder.build();
        clients.put(key, client);
        return client;
    }

    @Override
    public void close() {
        synchronized (this) {
            clients.values().forEach(HttpClient::shutdownNow);
            clients.clear();
        }
        executor.shutdownNow();
    }
}
