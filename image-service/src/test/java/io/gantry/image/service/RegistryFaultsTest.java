package io.gantry.image.service;

import static io.gantry.image.fixture.FakeRegistry.answer;
import static io.gantry.image.fixture.FakeRegistry.breakAfter;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.image.Digest;
import io.gantry.image.Image;
import io.gantry.image.ImageConfig;
import io.gantry.image.ImageException;
import io.gantry.image.ImageException.Kind;
import io.gantry.image.PullRequest;
import io.gantry.image.RegistryCredentials;
import io.gantry.image.fixture.FakeRegistry;
import io.gantry.image.fixture.TarBytes;
import io.gantry.image.fixture.TestImage;
import io.gantry.image.fixture.TestImage.Packing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pulls from registries that break, lie, stall, redirect and ask who is there. */
@Tag("privileged")
class RegistryFaultsTest {
    private static final RegistryCredentials USER = new RegistryCredentials("user", "pass", "", "", "");
    private static final String BASIC =
            "Basic " + Base64.getEncoder().encodeToString("user:pass".getBytes(StandardCharsets.UTF_8));

    @TempDir
    private Path folder;

    private FakeRegistry registry;
    private FakeRegistry other;
    private LocalImages images;
    private TestImage pushed;
    private byte[] layer;
    private Digest layerDigest;

    @BeforeEach
    void open() throws Exception {
        registry = new FakeRegistry();
        other = new FakeRegistry();
        images = open(config(Duration.ofSeconds(30)));
        byte[] random = new byte[300_000];
        new Random(1).nextBytes(random);
        pushed = TestImage.builder()
                .layer(new TarBytes().file("random", 0644, random).end(), Packing.GZIP)
                .build();
        layerDigest = pushed.blobs().keySet().stream().skip(1).findFirst().orElseThrow();
        layer = Objects.requireNonNull(pushed.blobs().get(layerDigest));
        registry.add("latest", pushed);
    }

    private LocalImages open(ImageConfig config) throws ImageException {
        LocalImages opened = LocalImages.open(folder.resolve("root"), config);
        opened.collectUnused();
        return opened;
    }

    private ImageConfig config(Duration stall) {
        return new ImageConfig(
                folder.resolve("certs.d"), Set.of(), folder.resolve("config.json"), 4, stall, false, Set.of());
    }

    @AfterEach
    void close() {
        images.close();
        registry.close();
        other.close();
    }

    private Image pull() throws Exception {
        return pull(RegistryCredentials.NONE);
    }

    private Image pull(RegistryCredentials credentials) throws Exception {
        return images.pull(new PullRequest(registry.host() + "/repo", credentials));
    }

    private void assertFails(Kind kind, String... texts) throws Exception {
        assertThatThrownBy(this::pull).isInstanceOfSatisfying(ImageException.class, e -> {
            assertThat(e.kind()).as(String.valueOf(e.getMessage())).isEqualTo(kind);
            for (String text : texts) {
                assertThat(e.getMessage()).contains(text);
            }
        });
        assertNothingStays();
    }

    private void assertNothingStays() throws Exception {
        assertThat(images.list()).isEmpty();
        // Which waits for deletions.
        images.close();
        for (String name : List.of("images", "layers", "tmp", "blobs/sha256")) {
            try (Stream<Path> paths = Files.list(folder.resolve("root").resolve(name))) {
                assertThat(paths).as(name).isEmpty();
            }
        }
        images = open(config(Duration.ofSeconds(30)));
    }

    @Test
    void brokenDownloadGoesOnWhereItBroke() throws Exception {
        AtomicInteger breaks = new AtomicInteger();
        registry.filter(exchange -> {
            if (!exchange.getRequestURI().getPath().contains(layerDigest.hex()) || breaks.get() == 3) {
                return false;
            }
            String range = exchange.getRequestHeaders().getFirst("Range");
            int from = range == null ? 0 : Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
            breaks.incrementAndGet();
            return breakAfter(exchange, layer, from, 50_000);
        });

        assertThat(pull().id()).isEqualTo(pushed.id());

        assertThat(registry.requests(layerDigest.hex()).stream().map(request -> request.header("Range")))
                .hasSize(4)
                .first()
                .isEqualTo("");
        assertThat(registry.requests(layerDigest.hex()).getLast().header("Range"))
                .matches("bytes=[1-9]\\d*-");
    }

    @Test
    void serverWithoutRangesSendsAllAgain() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        registry.filter(exchange -> {
            if (!exchange.getRequestURI().getPath().contains(layerDigest.hex())) {
                return false;
            }
            if (asked.incrementAndGet() == 1) {
                return breakAfter(exchange, layer, 0, 50_000);
            }
            exchange.sendResponseHeaders(200, layer.length);
            exchange.getResponseBody().write(layer);
            return true;
        });

        assertThat(pull().id()).isEqualTo(pushed.id());
    }

    @Test
    void downloadThatBreaksAlwaysFails() throws Exception {
        registry.filter(exchange ->
                exchange.getRequestURI().getPath().contains(layerDigest.hex()) && breakAfter(exchange, layer, 0, 0));

        assertFails(Kind.REGISTRY_UNAVAILABLE, layerDigest.toString());
    }

    @Test
    void stallIsBrokenAndResumed() throws Exception {
        images.close();
        images = open(config(Duration.ofMillis(300)));
        CountDownLatch over = new CountDownLatch(1);
        AtomicInteger asked = new AtomicInteger();
        registry.filter(exchange -> {
            if (!exchange.getRequestURI().getPath().contains(layerDigest.hex()) || asked.incrementAndGet() > 1) {
                return false;
            }
            exchange.sendResponseHeaders(200, layer.length);
            exchange.getResponseBody().write(layer, 0, 50_000);
            exchange.getResponseBody().flush();
            await(over);
            return true;
        });

        assertThat(pull().id()).isEqualTo(pushed.id());

        over.countDown();
        assertThat(asked).hasValue(2);
    }

    private static void await(CountDownLatch latch) throws IOException {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    @Test
    void passingFailuresAreTriedAgain() throws Exception {
        AtomicInteger asked = new AtomicInteger();
        registry.filter(exchange -> asked.incrementAndGet() <= 2 && answer(exchange, 503, "busy"));

        assertThat(pull().id()).isEqualTo(pushed.id());
    }

    @Test
    void unreachableRegistryIsUnavailable() throws Exception {
        registry.close();

        assertFails(Kind.REGISTRY_UNAVAILABLE, registry.host());
    }

    @Test
    void wrongBytesAreRefused() throws Exception {
        byte[] wrong = layer.clone();
        wrong[layer.length / 2] ^= 1;
        registry.addBlob(layerDigest, wrong);

        assertFails(Kind.CORRUPT);
    }

    @Test
    void longerBlobIsRefused() throws Exception {
        registry.addBlob(layerDigest, Arrays.copyOf(layer, layer.length + 1));

        assertFails(Kind.CORRUPT, "longer");
    }

    @Test
    void wrongDiffIdIsRefused() throws Exception {
        registry.add(
                "latest",
                TestImage.builder()
                        .layer(layer, Digest.sha256(new byte[1]), "tar+gzip")
                        .build());

        assertFails(Kind.CORRUPT, "inflates to");
    }

    @Test
    void wrongManifestIsRefused() throws Exception {
        registry.addManifest(pushed.manifestDigest().toString(), "{}".getBytes(StandardCharsets.UTF_8));

        assertThatThrownBy(
                        () -> images.pull(PullRequest.anonymous(registry.host() + "/repo@" + pushed.manifestDigest())))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.CORRUPT));
        assertNothingStays();
    }

    @Test
    void hugeManifestIsRefused() throws Exception {
        registry.addManifest("latest", new byte[5 * 1024 * 1024]);

        assertFails(Kind.INVALID, "4194304");
    }

    @Test
    void imageOfAnotherMachineIsRefused() throws Exception {
        registry.add(
                "latest",
                TestImage.builder()
                        .layer(new TarBytes().end(), Packing.GZIP)
                        .platform("linux", "s390x")
                        .build());

        assertFails(Kind.NOT_FOUND, "linux/s390x");
    }

    @Test
    void hostileLayerLeavesNothing() throws Exception {
        registry.add(
                "latest",
                TestImage.builder()
                        .layer(new TarBytes().file("fine", 0644, "fine").end(), Packing.GZIP)
                        .layer(
                                new TarBytes()
                                        .file("../../../../evil", 0644, "evil")
                                        .end(),
                                Packing.GZIP)
                        .build());

        assertFails(Kind.CORRUPT, "evil");
        assertThat(folder.resolve("evil")).doesNotExist();
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

        assertFails(Kind.DENIED, "401", "UNAUTHORIZED");
        assertThatThrownBy(() -> pull(USER)).isInstanceOfSatisfying(ImageException.class, e -> {
            assertThat(e.kind()).isEqualTo(Kind.DENIED);
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

        assertThat(pull().id()).isEqualTo(pushed.id());
    }

    @Test
    void mirrorIsAskedFirstAndTheFileIsReadAgainWhenItChanges() throws Exception {
        other.add("latest", pushed);
        Path hosts = Files.createDirectories(folder.resolve("certs.d/registry.example_5000_"))
                .resolve("hosts.toml");
        Files.writeString(
                hosts,
                "server = \"http://" + registry.host() + "\"\n[host.\"http://" + other.host()
                        + "/some/path\"]\ncapabilities = [\"pull\", \"resolve\"]\n[host.\"http://" + other.host()
                        + "/some/path\".header]\nx-key = \"k\"\n");

        Image image = images.pull(PullRequest.anonymous("registry.example:5000/a/b"));

        assertThat(image.repoTags()).containsExactly("registry.example:5000/a/b:latest");
        assertThat(registry.requests()).isEmpty();
        assertThat(other.requests().getFirst().path())
                .isEqualTo("/some/path/v2/a/b/manifests/latest?ns=registry.example:5000");
        assertThat(other.requests().getFirst().header("X-key")).isEqualTo("k");

        images.remove(image.id());
        Files.writeString(
                hosts,
                "server = \"http://" + registry.host() + "\"\n[host.\"http://" + other.host()
                        + "\"]\ncapabilities = [\"pull\"]\n");
        other.filter(exchange -> answer(exchange, 404, ""));
        assertThat(images.pull(PullRequest.anonymous("registry.example:5000/a/b")))
                .isEqualTo(image);
        assertThat(registry.requests("/manifests/")).hasSize(1);
        assertThat(registry.requests("/blobs/")).hasSize(2);
    }

    @Test
    void brokenSettingsAreNamed() throws Exception {
        Path hosts = Files.createDirectories(folder.resolve("certs.d/_default")).resolve("hosts.toml");
        Files.writeString(hosts, "server = \n");

        assertFails(Kind.INVALID, hosts.toString());
    }

    @Test
    void manyWhoAskShareOneFlight() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        registry.filter(exchange -> {
            if (exchange.getRequestURI().getPath().contains("/manifests/")) {
                await(go);
            }
            return false;
        });
        AtomicInteger done = new AtomicInteger();
        Thread[] threads = new Thread[5];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = Thread.ofVirtual().start(() -> {
                try {
                    pull();
                    done.incrementAndGet();
                } catch (Exception e) {
                    throw new AssertionError(e);
                }
            });
        }
        for (Thread thread : threads) {
            waitUntilBlocked(thread);
        }
        // One gives up; the others do not notice.
        threads[0].interrupt();
        threads[0].join();
        go.countDown();
        for (Thread thread : threads) {
            thread.join();
        }

        assertThat(done).hasValue(4);
        assertThat(registry.requests("/manifests/")).hasSize(1);
        assertThat(registry.requests(layerDigest.hex())).hasSize(1);
    }

    private static void waitUntilBlocked(Thread thread) throws InterruptedException {
        while (thread.getState() != Thread.State.WAITING) {
            Thread.sleep(Duration.ofMillis(5));
        }
    }

    @Test
    void cancelledPullLeavesNothingAndCanBeAskedAgain() throws Exception {
        CountDownLatch inTheMiddle = new CountDownLatch(1);
        CountDownLatch over = new CountDownLatch(1);
        registry.filter(exchange -> {
            if (!exchange.getRequestURI().getPath().contains(layerDigest.hex()) || over.getCount() == 0) {
                return false;
            }
            exchange.sendResponseHeaders(200, layer.length);
            exchange.getResponseBody().write(layer, 0, layer.length / 2);
            exchange.getResponseBody().flush();
            inTheMiddle.countDown();
            await(over);
            return true;
        });
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Thread puller = Thread.ofVirtual().start(() -> {
            try {
                pull();
            } catch (Exception e) {
                failure.set(e);
            }
        });
        inTheMiddle.await();
        puller.interrupt();
        puller.join();

        assertThat(failure.get()).isInstanceOf(InterruptedException.class);
        assertThat(images.list()).isEmpty();
        over.countDown();
        assertThat(pull().id()).isEqualTo(pushed.id());
        images.remove(pushed.id());
        assertNothingStays();
    }

    @Test
    void compressedBlobsAreKeptIfWanted() throws Exception {
        images.close();
        images = open(new ImageConfig(null, Set.of(), null, 1, Duration.ofSeconds(30), true, Set.of()));

        Image image = pull();

        Path blob = folder.resolve("root/blobs/sha256/" + layerDigest.hex());
        assertThat(Files.readAllBytes(blob)).isEqualTo(layer);
        images.remove(image.id());
        assertNothingStays();
    }
}
