package io.gantry.image.service;

import static io.gantry.image.fixture.FakeRegistry.answer;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.image.Digest;
import io.gantry.image.Image;
import io.gantry.image.ImageConfig;
import io.gantry.image.ImageException;
import io.gantry.image.PullRequest;
import io.gantry.image.RegistryCredentials;
import io.gantry.image.fixture.FakeRegistry;
import io.gantry.image.fixture.TestImage;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who is told which credentials, and who is not. */
@Tag("privileged")
class RegistryLoginTest {
    private static final RegistryCredentials USER = new RegistryCredentials("user", "pass", "", "", "");
    private static final String BASIC =
            "Basic " + Base64.getEncoder().encodeToString("user:pass".getBytes(StandardCharsets.UTF_8));

    @TempDir
    private Path folder;

    private final TestImage pushed = TestImage.small("login");
    private final Digest layerDigest =
            pushed.blobs().keySet().stream().skip(1).findFirst().orElseThrow();
    private FakeRegistry registry;
    private FakeRegistry other;
    private LocalImages images;

    @BeforeEach
    void open() throws Exception {
        registry = new FakeRegistry();
        other = new FakeRegistry();
        images = LocalImages.open(
                folder.resolve("root"),
                new ImageConfig(
                        null, Set.of(), folder.resolve("config.json"), 4, Duration.ofSeconds(30), false, Set.of()));
        images.collectUnused();
        registry.add("latest", pushed);
    }

    @AfterEach
    void close() {
        images.close();
        registry.close();
        other.close();
    }

    private Image pull(RegistryCredentials credentials) throws Exception {
        return images.pull(new PullRequest(registry.host() + "/repo", credentials));
    }

    @Test
    void credentialsGoOnlyWhereTheyAreAskedForAndNotAlongARedirect() throws Exception {
        other.add("latest", pushed);
        registry.filter(exchange -> {
            String authorization = exchange.getRequestHeaders().getFirst("Authorization");
            if (!BASIC.equals(authorization)) {
                exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"here, there\"");
                return answer(exchange, 401, "");
            }
            if (exchange.getRequestURI().getPath().contains("/blobs/")) {
                exchange.getResponseHeaders()
                        .set("Location", "http://" + other.host() + exchange.getRequestURI() + "?signed=yes");
                return answer(exchange, 307, "");
            }
            return false;
        });

        assertThat(pull(USER).id()).isEqualTo(pushed.id());

        assertThat(registry.requests().getFirst().header("Authorization")).isEmpty();
        assertThat(other.requests()).hasSize(2).allSatisfy(request -> {
            assertThat(request.header("Authorization")).isEmpty();
            assertThat(request.path()).endsWith("?signed=yes");
        });
    }

    @Test
    void withoutCredentialsItIsDenied() throws Exception {
        registry.filter(exchange -> {
            exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"r\"");
            return answer(exchange, 401, "{\"errors\":[{\"code\":\"UNAUTHORIZED\"}]}");
        });

        assertThatThrownBy(() -> pull(RegistryCredentials.NONE)).isInstanceOfSatisfying(ImageException.class, e -> {
            assertThat(e.kind()).isEqualTo(ImageException.Kind.DENIED);
            assertThat(e.getMessage()).contains("401").contains("UNAUTHORIZED");
        });
        assertThatThrownBy(() -> pull(USER)).isInstanceOfSatisfying(ImageException.class, e -> {
            assertThat(e.kind()).isEqualTo(ImageException.Kind.DENIED);
            assertThat(e.toString()).doesNotContain("pass").doesNotContain(BASIC);
        });
    }

    @Test
    void tokenIsFetchedForTheScopeAndFetchedAgainWhenItHasRunOut() throws Exception {
        AtomicInteger tokens = new AtomicInteger();
        AtomicReference<String> valid = new AtomicReference<>("none");
        other.filter(exchange -> {
            valid.set("t" + tokens.incrementAndGet());
            return answer(exchange, 200, "{\"token\":\"" + valid.get() + "\",\"expires_in\":1}");
        });
        registry.filter(exchange -> {
            boolean blob = exchange.getRequestURI().getPath().contains(layerDigest.hex());
            if (blob && tokens.get() == 1) {
                valid.set("run out");
            }
            if (("Bearer " + valid.get()).equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
                return false;
            }
            exchange.getResponseHeaders()
                    .set(
                            "WWW-Authenticate",
                            "Bearer realm=\"http://" + other.host() + "/token?a=b\",service=\"the service\","
                                    + "scope=\"repository:repo:pull\"");
            return answer(exchange, 401, "");
        });

        assertThat(pull(USER).id()).isEqualTo(pushed.id());

        assertThat(tokens).hasValue(2);
        assertThat(other.requests().getFirst().path())
                .isEqualTo("/token?a=b&service=the+service&scope=repository%3Arepo%3Apull");
        assertThat(other.requests().getFirst().header("Authorization")).isEqualTo(BASIC);
    }

    @Test
    void identityTokenIsTradedAndRegistryTokenIsSent() throws Exception {
        AtomicReference<String> form = new AtomicReference<>("");
        other.filter(exchange -> {
            form.set(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            return answer(exchange, 200, "{\"access_token\":\"traded\"}");
        });
        Set<String> valid = Set.of("Bearer traded", "Bearer given");
        registry.filter(exchange -> {
            String authorization = exchange.getRequestHeaders().getFirst("Authorization");
            if (authorization != null && valid.contains(authorization)) {
                return false;
            }
            exchange.getResponseHeaders().set("WWW-Authenticate", "Bearer realm=\"http://" + other.host() + "/t\"");
            return answer(exchange, 401, "");
        });

        Image image = pull(new RegistryCredentials("", "", "", "given", ""));
        assertThat(other.requests()).isEmpty();
        images.remove(image.id());
        pull(new RegistryCredentials("", "", "secret&", "", ""));

        assertThat(form.get())
                .contains("grant_type=refresh_token")
                .contains("refresh_token=secret%26")
                .contains("scope=repository%3Arepo%3Apull");
    }

    @Test
    void credentialsForAnotherServerStayHere() throws Exception {
        registry.filter(exchange -> {
            exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"r\"");
            return answer(exchange, 401, "");
        });

        assertThatThrownBy(() -> pull(new RegistryCredentials("user", "pass", "", "", "https://elsewhere/v1/")))
                .isInstanceOf(ImageException.class);

        assertThat(registry.requests())
                .allSatisfy(
                        request -> assertThat(request.header("Authorization")).isEmpty());
    }

    @Test
    void credentialFileIsUsedWhenThePullBringsNone() throws Exception {
        Files.writeString(
                folder.resolve("config.json"),
                "{\"auths\":{\"http://" + registry.host() + "/v2/\":{\"auth\":\""
                        + BASIC.substring("Basic ".length()) + "\"},\"" + registry.host()
                        + "/other\":{\"username\":\"x\",\"password\":\"y\"}}}");
        registry.filter(exchange -> {
            if (BASIC.equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
                return false;
            }
            exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"r\"");
            return answer(exchange, 401, "");
        });

        assertThat(pull(RegistryCredentials.NONE).id()).isEqualTo(pushed.id());
    }
}
