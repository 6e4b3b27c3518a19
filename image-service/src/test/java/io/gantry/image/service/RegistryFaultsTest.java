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

/** Pulls from registries that break, lie and stall, by mirrors, by many at once and by some who give up. */
@Tag("privileged")
class RegistryFaultsTest {
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
        return new ImageConfig(folder.resolve("certs.d"), Set.of(), null, 4, stall, false, Set.of());
    }

    @AfterEach
    void close() {
        images.close();
        registry.close();
        other.close();
    }

    private Image pull() throws Exception {
        return images.pull(PullRequest.anonymous(registry.host() + "/repo"));
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
