package io.gantry.image.registry;

import io.gantry.image.ImageException;
import io.gantry.image.registry.HttpTransport.Response;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLException;

/**
 * Calls registries: authenticates, follows redirects, tries again what may pass, and is the only place that turns a status into an exception. Thread-safe.
 */
final class EndpointCaller {
    private static final int MAX_REDIRECTS = 10;
    private static final int MAX_ATTEMPTS = 3;
    private static final int MAX_ERROR_TEXT = 512;

    private final HttpTransport transport;
    private final Authenticator authenticator;

    EndpointCaller(HttpTransport transport, Authenticator authenticator) {
        this.transport = transport;
        this.authenticator = authenticator;
    }

    /**
     * One request to a registry.
     *
     * @param path below the host's base, with a leading slash
     * @param subject for messages: what is asked for
     */
    record Call(RegistryHost host, String method, String path, Map<String, String> headers, String subject) {}

    /** Makes the call; the answer has status 200 or 206 and is to be closed. */
    Response call(Call call) throws ImageException, InterruptedException {
        for (int attempt = 1; ; attempt++) {
            try {
                Response response = authenticated(call);
                int status = response.status();
                if (status == 200 || status == 206) {
                    return response;
                }
                ImageException failure = failure(call, response);
                if (!isPassing(status) || attempt == MAX_ATTEMPTS) {
                    throw failure;
                }
            } catch (IOException e) {
                if (!isPassing(e) || attempt == MAX_ATTEMPTS) {
                    throw new ImageException(
                            ImageException.Kind.REGISTRY_UNAVAILABLE,
                            "tried to get " + call.subject() + " from " + call.host() + ": " + reason(e),
                            e);
                }
            }
            Thread.sleep(Duration.ofMillis(250L << (2 * (attempt - 1))));
        }
    }

    private Response authenticated(Call call) throws IOException, InterruptedException, ImageException {
        Optional<String> authorization = authenticator.known(call.host());
        Response response = redirected(call, authorization);
        // Twice: a token that has run out is replaced, and a host may ask for a token only after it has seen none.
        for (int i = 0; i < 2 && response.status() == 401 && isAt(response, call.host()); i++) {
            List<Challenge> challenges = Challenge.parse(response.headers().allValues("WWW-Authenticate"));
            Optional<String> next = authenticator.answer(call.host(), authorization, challenges);
            if (next.isEmpty()) {
                return response;
            }
            response.discard();
            authorization = next;
            response = redirected(call, authorization);
        }
        return response;
    }

    private static boolean isAt(Response response, RegistryHost host) {
        return response.uri().getAuthority().equals(host.authority());
    }

    /** Follows redirects by itself, since what identifies the caller must not go to another host. */
    private Response redirected(Call call, Optional<String> authorization)
            throws IOException, InterruptedException, ImageException {
        RegistryHost host = call.host();
        URI uri = URI.create(host.base() + call.path());
        for (int hop = 0; hop <= MAX_REDIRECTS; hop++) {
            Map<String, List<String>> headers = new HashMap<>();
            boolean home = isSameOrigin(uri, host.base());
            if (home) {
                headers.putAll(host.headers());
                authorization.ifPresent(value -> headers.put("Authorization", List.of(value)));
            }
            call.headers().forEach((name, value) -> headers.put(name, List.of(value)));
            TlsSettings tls = home || host.tls().clients().isEmpty()
                    ? host.tls()
                    : new TlsSettings(
                            host.tls().authorities(), List.of(), host.tls().skipVerify());
            Response response = transport.send(tls, call.method(), uri, headers, null);
            boolean redirect = switch (response.status()) {
                case 301, 302, 303, 307, 308 -> true;
                default -> false;
            };
            if (!redirect) {
                return response;
            }
            String location = response.header("Location");
            response.discard();
            uri = target(call, uri, location);
        }
        throw new ImageException(
                ImageException.Kind.REGISTRY_UNAVAILABLE,
                "tried to get " + call.subject() + " from " + host + ": it redirects in circles");
    }

    private static URI target(Call call, URI from, String location) throws ImageException {
        URI target;
        try {
            target = from.resolve(URI.create(location));
        } catch (IllegalArgumentException e) {
            throw badRedirect(call, "to something that is not a URL");
        }
        if (target.getHost() == null) {
            throw badRedirect(call, "to no host");
        }
        if (!"https".equals(target.getScheme())
                && !("http".equals(target.getScheme()) && "http".equals(from.getScheme()))) {
            throw badRedirect(call, "from " + from.getScheme() + " to " + target.getScheme());
        }
        return target;
    }

    private static ImageException badRedirect(Call call, String what) {
        return new ImageException(
                ImageException.Kind.REGISTRY_UNAVAILABLE,
                "tried to get " + call.subject() + " from " + call.host() + ": it redirects " + what);
    }

    private static boolean isSameOrigin(URI a, URI b) {
        return a.getScheme().equals(b.getScheme()) && a.getHost().equalsIgnoreCase(b.getHost()) && port(a) == port(b);
    }

    private static int port(URI uri) {
        return uri.getPort() >= 0 ? uri.getPort() : "https".equals(uri.getScheme()) ? 443 : 80;
    }

    private static boolean isPassing(int status) {
        return switch (status) {
            case 408, 429, 500, 502, 503, 504 -> true;
            default -> false;
        };
    }

    /** Whether another try may help: a refused connection or a bad certificate stays what it is, and the kubelet tries again anyway. */
    private static boolean isPassing(IOException failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof ConnectException
                    || cause instanceof UnknownHostException
                    || cause instanceof SSLException
                    || cause instanceof HttpTimeoutException) {
                return false;
            }
        }
        return true;
    }

    static String reason(IOException failure) {
        StringBuilder reason = new StringBuilder();
        String previous = "";
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            String text = cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
            if (!previous.contains(text)) {
                reason.append(reason.isEmpty() ? "" : ": ").append(text);
                previous = reason.toString();
            }
        }
        return reason.toString();
    }

    private static ImageException failure(Call call, Response response) {
        ImageException.Kind kind = switch (response.status()) {
            case 401, 403 -> ImageException.Kind.DENIED;
            case 404, 410 -> ImageException.Kind.NOT_FOUND;
            case 408, 429 -> ImageException.Kind.REGISTRY_UNAVAILABLE;
            default ->
                response.status() >= 500 ? ImageException.Kind.REGISTRY_UNAVAILABLE : ImageException.Kind.INVALID;
        };
        String text = "";
        try (response) {
            text = new String(response.body().readNBytes(MAX_ERROR_TEXT), StandardCharsets.UTF_8)
                    .replaceAll("\\p{Cntrl}+", " ")
                    .strip();
        } catch (IOException e) {
            // The status says enough.
        }
        return new ImageException(
                kind,
                "tried to get " + call.subject() + " from " + call.host() + ": it answered " + response.status()
                        + (text.isEmpty() ? "" : " " + text));
    }
}
