package io.gantry.image.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.image.Image;
import io.gantry.image.ImageConfig;
import io.gantry.image.ImageException;
import io.gantry.image.ImageLease;
import io.gantry.image.PullRequest;
import io.gantry.image.fixture.DockerRegistry;
import io.gantry.image.fixture.TarBytes;
import io.gantry.image.fixture.TestImage;
import io.gantry.image.fixture.TestImage.Packing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole of it against a real registry. */
@Tag("privileged")
class LocalImagesTest {
    @TempDir
    private static Path registryFolder;

    private static DockerRegistry registry;

    @TempDir
    private Path root;

    private LocalImages images;

    @BeforeAll
    static void startRegistry() throws Exception {
        registry = DockerRegistry.start(registryFolder);
    }

    @AfterAll
    static void stopRegistry() {
        registry.close();
    }

    @BeforeEach
    void open() throws Exception {
        images = LocalImages.open(root, ImageConfig.defaults());
        images.collectUnused();
    }

    @AfterEach
    void close() {
        images.close();
    }

    private void reopen() throws Exception {
        images.close();
        images = LocalImages.open(root, ImageConfig.defaults());
    }

    private Image pull(String reference) throws Exception {
        return images.pull(PullRequest.anonymous(reference));
    }

    private static String name(String rest) {
        return registry.host() + "/" + rest;
    }

    @Test
    void pullsByTag() throws Exception {
        TestImage pushed = TestImage.builder()
                .layer(
                        new TarBytes()
                                .file("a", 0644, "lower")
                                .file("b", 0600, "b")
                                .end(),
                        Packing.GZIP)
                .layer(new TarBytes().file("a", 0644, "upper").end(), Packing.ZSTD)
                .layer(new TarBytes().file("c", 0644, "plain").end(), Packing.PLAIN)
                .config("\"User\":\"1003:1004\",\"Env\":[\"A=b\"],\"Entrypoint\":[\"/e\"],\"Cmd\":[\"x\",\"y\"],"
                        + "\"WorkingDir\":\"/w\",\"Volumes\":{\"/v\":{}},\"ExposedPorts\":{\"80/tcp\":{}},"
                        + "\"Labels\":{\"l\":\"m\"},\"StopSignal\":\"SIGINT\"")
                .build();
        registry.push("plain", "one", pushed);

        Image image = pull(name("plain:one"));

        assertThat(image.id()).isEqualTo(pushed.id());
        assertThat(image.repoTags()).containsExactly(name("plain:one"));
        assertThat(image.repoDigests()).containsExactly(name("plain@") + pushed.manifestDigest());
        assertThat(image.size()).isEqualTo(pushed.size());
        assertThat(image.config().user()).isEqualTo("1003:1004");
        assertThat(image.config().environment()).containsExactly("A=b");
        assertThat(image.config().entrypoint()).containsExactly("/e");
        assertThat(image.config().command()).containsExactly("x", "y");
        assertThat(image.config().workingDirectory()).isEqualTo("/w");
        assertThat(image.config().volumes()).containsExactly("/v");
        assertThat(image.config().exposedPorts()).containsExactly("80/tcp");
        assertThat(image.config().labels()).containsExactly(Map.entry("l", "m"));
        assertThat(image.config().stopSignal()).isEqualTo("SIGINT");
        assertThat(image.layerPathsTopFirst().stream().map(path -> read(path, "a", "b", "c")))
                .containsExactly("c=plain ", "a=upper ", "a=lower b=b ");
        assertThat(images.configDocument(image))
                .isEqualTo(pushed.blobs().values().iterator().next());
    }

    private static String read(Path layer, String... names) {
        StringBuilder text = new StringBuilder();
        for (String name : names) {
            try {
                if (Files.exists(layer.resolve(name))) {
                    text.append(name)
                            .append('=')
                            .append(Files.readString(layer.resolve(name)))
                            .append(' ');
                }
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }
        return text.toString();
    }

    @Test
    void findsTheSameImageByWhateverReference() throws Exception {
        TestImage pushed = TestImage.small("find");
        registry.push("find", "latest", pushed);
        Image image = pull(name("find"));

        String hex = pushed.id().substring("sha256:".length());
        for (String reference : List.of(
                pushed.id(),
                hex,
                hex.substring(0, 13),
                "sha256:" + hex.substring(0, 13),
                name("find"),
                name("find:latest"),
                name("find@") + pushed.manifestDigest(),
                name("find:latest@") + pushed.manifestDigest())) {
            assertThat(images.find(reference)).as(reference).contains(image);
        }
        assertThat(images.find(name("find:other"))).isEmpty();
        assertThat(images.find("not a reference")).isEmpty();
        assertThat(images.find("0".repeat(64))).isEmpty();
    }

    @Test
    void pullByDigestHasNoTag() throws Exception {
        TestImage pushed = TestImage.small("digest");
        registry.push("digest", "x", pushed);
        String reference = name("digest@") + pushed.manifestDigest();

        Image image = pull(reference);

        assertThat(image.repoTags()).isEmpty();
        assertThat(image.repoDigests()).containsExactly(reference);
    }

    @Test
    void indexGivesTheImageOfThisMachineAndItsOwnDigest() throws Exception {
        TestImage mine = TestImage.small("mine");
        Map<TestImage, String> platforms = new LinkedHashMap<>();
        platforms.put(
                TestImage.builder()
                        .layer(new TarBytes().file("w", 0644, "w").end(), Packing.GZIP)
                        .platform("windows", "amd64")
                        .build(),
                "{\"os\":\"windows\",\"architecture\":\"amd64\"}");
        platforms.put(mine, "{\"os\":\"linux\",\"architecture\":\"amd64\"}");
        registry.pushIndex("index", "latest", platforms);

        Image image = pull(name("index"));

        assertThat(image.id()).isEqualTo(mine.id());
        assertThat(image.repoDigests())
                .containsExactly(name("index@") + io.gantry.image.Digest.sha256(TestImage.index(platforms)));
        assertThat(pull(name("index"))).isEqualTo(image);
    }

    @Test
    void tagThatMovesLeavesTheOldImageItsDigest() throws Exception {
        TestImage before = TestImage.small("before");
        TestImage after = TestImage.small("after");
        registry.push("moving", "tag", before);
        pull(name("moving:tag"));
        registry.push("moving", "tag", after);

        Image image = pull(name("moving:tag"));

        assertThat(image.id()).isEqualTo(after.id());
        assertThat(image.repoTags()).containsExactly(name("moving:tag"));
        Image old = images.find(before.id()).orElseThrow();
        assertThat(old.repoTags()).isEmpty();
        assertThat(old.repoDigests()).containsExactly(name("moving@") + before.manifestDigest());
    }

    @Test
    void removingByOneTagRemovesAllTags() throws Exception {
        TestImage pushed = TestImage.small("tags");
        for (String reference : List.of("tags:1", "tags:2", "other/tags:3")) {
            String[] parts = reference.split(":", -1);
            registry.push(parts[0], parts[1], pushed);
            pull(name(reference));
        }
        assertThat(images.list()).hasSize(1);
        assertThat(images.list().getFirst().repoTags()).hasSize(3);

        images.remove(name("tags:2"));

        assertThat(images.list()).isEmpty();
        assertThat(images.find(pushed.id())).isEmpty();
        images.remove(name("tags:2"));
        images.remove(pushed.id());
        reopen();
        assertThat(images.list()).isEmpty();
        assertThat(children("layers")).isEmpty();
        assertThat(children("blobs/sha256")).isEmpty();
        assertThat(children("images")).isEmpty();
    }

    private List<String> children(String folder) throws IOException {
        try (Stream<Path> paths = Files.list(root.resolve(folder))) {
            return paths.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void sharedLayerIsStoredOnceAndGoesWithTheLast() throws Exception {
        byte[] shared = new TarBytes().file("shared", 0644, "shared").end();
        TestImage first = TestImage.builder()
                .layer(shared, Packing.GZIP)
                .layer(new TarBytes().file("1", 0644, "1").end(), Packing.GZIP)
                .build();
        TestImage second = TestImage.builder().layer(shared, Packing.ZSTD).build();
        registry.push("shared", "first", first);
        registry.push("shared", "second", second);
        pull(name("shared:first"));
        pull(name("shared:second"));
        assertThat(children("layers")).hasSize(2);
        assertThat(images.usage().inodesUsed()).isGreaterThan(4);

        images.remove(name("shared:first"));
        assertThat(children("layers")).hasSize(1);
        images.remove(name("shared:second"));
        assertThat(children("layers")).isEmpty();
        assertThat(images.usage().usedBytes()).isZero();
    }

    @Test
    void imageInUseKeepsItsLayersUntilTheLastLeaseCloses() throws Exception {
        TestImage pushed = TestImage.small("lease");
        registry.push("lease", "latest", pushed);
        Image image = pull(name("lease"));
        ImageLease one = images.hold(image.id());
        ImageLease two = images.hold(image.id());

        images.remove(image.id());

        assertThat(images.find(image.id())).isEmpty();
        assertThat(children("layers")).hasSize(1);
        one.close();
        one.close();
        assertThat(children("layers")).hasSize(1);
        assertThat(two.image()).isEqualTo(image);
        two.close();
        assertThat(children("layers")).isEmpty();
        assertThatThrownBy(() -> images.hold(image.id()))
                .isInstanceOfSatisfying(
                        ImageException.class, e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.NOT_FOUND));
    }

    @Test
    void removedImageInUseIsStillHereAfterRestart() throws Exception {
        TestImage pushed = TestImage.small("restart");
        registry.push("restart", "latest", pushed);
        Image image = pull(name("restart"));
        images.hold(image.id());
        images.remove(image.id());

        reopen();

        assertThat(images.list()).isEmpty();
        ImageLease lease = images.hold(image.id());
        images.collectUnused();
        assertThat(lease.image().layerPathsTopFirst())
                .allSatisfy(path -> assertThat(path).exists());
        assertThat(pull(name("restart"))).isEqualTo(image);
        lease.close();
        assertThat(images.find(image.id())).contains(image);
        assertThat(children("layers")).hasSize(1);
    }

    @Test
    void imagesAreThereAfterRestart() throws Exception {
        registry.push("stays", "latest", TestImage.small("stays"));
        Image image = pull(name("stays"));

        reopen();

        assertThat(images.list()).containsExactly(image);
        assertThat(images.usage().usedBytes()).isPositive();
    }

    @Test
    void brokenRecordIsSetAsideAndTheOthersAreThere() throws Exception {
        registry.push("whole", "latest", TestImage.small("whole"));
        registry.push("broken", "latest", TestImage.small("broken"));
        Image whole = pull(name("whole"));
        Image broken = pull(name("broken"));
        images.close();
        Files.writeString(root.resolve("images/" + broken.id().substring(7) + ".json"), "");

        images = LocalImages.open(root, ImageConfig.defaults());
        images.collectUnused();

        assertThat(images.list()).containsExactly(whole);
        assertThat(pull(name("broken"))).isEqualTo(broken);
    }

    @Test
    void unknownTagIsNotFound() throws Exception {
        registry.push("known", "latest", TestImage.small("known"));
        for (String reference : List.of(name("known:nothing"), name("unknown"))) {
            assertThatThrownBy(() -> pull(reference))
                    .isInstanceOfSatisfying(
                            ImageException.class, e -> assertThat(e.kind()).isEqualTo(ImageException.Kind.NOT_FOUND));
        }
        assertThat(children("tmp")).isEmpty();
    }

    @Test
    void sameLayerTwiceIsOneFolder() throws Exception {
        byte[] layer = new TarBytes().file("twice", 0644, "twice").end();
        TestImage pushed = TestImage.builder()
                .layer(layer, Packing.GZIP)
                .layer(new TarBytes().file("between", 0644, "").end(), Packing.GZIP)
                .layer(layer, Packing.GZIP)
                .build();
        registry.push("twice", "latest", pushed);

        Image image = pull(name("twice"));

        assertThat(image.layerPathsTopFirst()).hasSize(2);
        assertThat(image.layerPathsTopFirst().getFirst().resolve("twice")).exists();
    }
}
