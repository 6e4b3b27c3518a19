package io.gantry.image.registry;

import io.gantry.image.ImageException;
import io.gantry.image.RegistryCredentials;
import io.gantry.image.json.JsonTree;
import io.gantry.image.registry.HttpTransport.Response;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Answers the challenges of the hosts of one pull (distribution-spec, "Token Authentication"; RFC 7617). Tokens are kept as long as the pull. Thread-safe.
 */
final class Authenticator {
    private static final int MAX_TOKEN_DOCUMENT = 256 * 1024;

    private final HttpTransport transport;
    private final RegistryCredentials credentials;
    private final String repository;
    private final Map<String, String> authorizations = new HashMap<>();
    private final ReentrantLock lock = new ReentrantLock();

    Authenticator(HttpTransport transport, RegistryCredentials credentials, String repository) {
        this.transport = transport;
        this.credentials = credentials;
        this.repository = repository;
    }

    /** The Authorization header that has been found to work at a host, if any yet. */
    Optional<String> known(RegistryHost host) {
        lock.lock();
        try {
            return Optional.ofNullable(authorizations.get(host.authority()));
        } finally {
            lock.unlock();
        }
    }

    /**
     * Finds the header to try after a refusal.
     *
     * @param refused the header that was sent, which may have run out; another thread may have replaced it meanwhile
     * @param challenges what the host offers
     * @return empty when there is nothing (else) to try
     */
    Optional<String> answer(RegistryHost host, Optional<String> refused, List<Challenge> challenges)
            throws IOException, InterruptedException, ImageException {
        lock.lockInterruptibly();
        try {
            String present = authorizations.get(host.authority());
            if (present != null && !Optional.of(present).equals(refused)) {
                return Optional.of(present);
            }
            Optional<String> answer = make(host, challenges);
            if (answer.isEmpty() || answer.equals(refused)) {
                return Optional.empty();
            }
            authorizations.put(host.authority(), answer.get());
            return answer;
        } finally {
            lock.unlock();
        }
    }

    private Optional<String> make(RegistryHost host, List<Challenge> challenges)
            throws IOException, InterruptedException, ImageException {
        RegistryCredentials usable = fitting(host);
        for (Challenge challenge : challenges) {
            if (challenge.scheme().equals("bearer")) {
                return usable.registryToken().isEmpty()
                        ? Optional.of("Bearer " + token(host, challenge, usable))
                        : Optional.of("Bearer " + usable.registryToken());
            }
        }
        for (Challenge challenge : challenges) {
            if (challenge.scheme().equals("basic") && !usable.username().isEmpty()) {
                return Optional.of(basic(usable));
            }
        }
        return Optional.empty();
    }

    /** Credentials meant for one server go to no other. */
    private RegistryCredentials fitting(RegistryHost host) {
        if (credentials.serverAddress().isEmpty()) {
            return credentials;
        }
        String meant = credentials.serverAddress().replaceFirst("^https?://", "");
        int slash = meant.indexOf('/');
        meant = slash < 0 ? meant : meant.substring(0, slash);
        if (meant.equals("docker.io") || meant.equals("index.docker.io")) {
            meant = "registry-1.docker.io";
        }
        return meant.equals(host.authority()) ? credentials : RegistryCredentials.NONE;
    }

    private static String basic(RegistryCredentials credentials) {
        String pair = credentials.username() + ":" + credentials.password();
        return "Basic " + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8));
    }

    private String token(RegistryHost host, Challenge challenge, RegistryCredentials usable)
            throws IOException, InterruptedException, ImageException {
        URI realm;
        try {
            realm = URI.create(challenge.get("realm"));
        } catch (IllegalArgumentException e) {
            throw denied(host, "its token server's address is not a URL");
        }
        boolean http = "http".equals(realm.getScheme());
        if (realm.getHost() == null || (!http && !"https".equals(realm.getScheme()))) {
            throw denied(host, "its token server's address is not a URL of http or https");
        }
        if (http && host.base().getScheme().equals("https") && !usable.isEmpty()) {
            throw denied(host, "it wants credentials sent in plain text to " + realm.getHost());
        }
        String scope = challenge.get("scope").isEmpty() ? "repository:" + repository + ":pull" : challenge.get("scope");
        String query = "service=" + encode(challenge.get("service")) + "&scope=" + encode(scope);
        TlsSettings tls = realm.getAuthority().equals(host.authority())
                ? host.tls()
                : new TlsSettings(
                        host.tls().authorities(), List.of(), host.tls().skipVerify());
        if (!usable.identityToken().isEmpty()) {
            String form = "grant_type=refresh_token&client_id=gantry&refresh_token=" + encode(usable.identityToken())
                    + "&" + query;
            try (Response response = transport.send(tls, "POST", realm, Map.of(), form)) {
                return read(host, realm, response);
            }
        }
        Map<String, List<String>> headers =
                usable.username().isEmpty() ? Map.of() : Map.of("Authorization", List.of(basic(usable)));
        URI asked = URI.create(realm + (realm.getRawQuery() == null ? "?" : "&") + query);
        try (Response response = transport.send(tls, "GET", asked, headers, null)) {
            return read(host, realm, response);
        }
    }

    private static String read(RegistryHost host, URI realm, Response response) throws IOException, ImageException {
        int status = response.status();
        if (status >= 500 || status == 429) {
            throw new IOException("its token server " + realm.getHost() + " answered " + status);
        }
        if (status != 200) {
            throw denied(host, "its token server " + realm.getHost() + " answered " + status);
        }
        byte[] document = response.body().readNBytes(MAX_TOKEN_DOCUMENT);
        JsonTree json;
        try {
            json = JsonTree.parse(document);
        } catch (IOException e) {
            // Without the cause, which would quote the token.
            throw denied(host, "its token server " + realm.getHost() + " answered with something else than JSON");
        }
        String token = json.get("token").text();
        if (token.isEmpty()) {
            token = json.get("access_token").text();
        }
        if (token.isEmpty() || token.chars().anyMatch(c -> c <= ' ' || c > '~')) {
            throw denied(host, "its token server " + realm.getHost() + " gave no token");
        }
        return token;
    }

    private static ImageException denied(RegistryHost host, String why) {
        return new ImageException(ImageException.Kind.DENIED, "cannot log in at " + host + ": " + why);
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
