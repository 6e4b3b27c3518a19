package io.gantry.image.pull;

import io.gantry.image.Digest;
import io.gantry.image.Image;
import io.gantry.image.ImageConfigFile;
import io.gantry.image.ImageException;
import io.gantry.image.ImageReference;
import io.gantry.image.RegistryCredentials;
import io.gantry.image.manifest.ConfigDocument;
import io.gantry.image.manifest.Descriptor;
import io.gantry.image.manifest.ImageManifest;
import io.gantry.image.manifest.ImageSource;
import io.gantry.image.manifest.ImageSource.Document;
import io.gantry.image.manifest.PlatformChoice;
import io.gantry.image.registry.RegistryClient;
import io.gantry.image.store.ImageStore;
import io.gantry.image.store.NewImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Brings whole images into the store. Thread-safe. */
public final class ImagePuller implements AutoCloseable {
    private static final int MAX_INDEX_DEPTH = 4;

    private final ImageStore store;
    private final RegistryClient registries;
    private final PlatformChoice platform = PlatformChoice.ofThisMachine();
    private final LayerFetch layerFetch;
    private final Flights<PullKey, Image> pulls =
            new Flights<>(Thread.ofVirtual().name("pull-", 0).factory());
    private final Flights<Digest, Digest> layers =
            new Flights<>(Thread.ofPlatform().daemon().name("layer-unpack-", 0).factory());

    /** Closes {@code registries} with itself, but not {@code store}. */
    public ImagePuller(ImageStore store, RegistryClient registries, boolean keepBlobs, int maxParallelLayers) {
        this.store = store;
        this.registries = registries;
        this.layerFetch = new LayerFetch(store, keepBlobs, maxParallelLayers);
    }

    /** Pulls with other credentials go separately, or whoever asks second would get what only the first may have. */
    private record PullKey(ImageReference reference, RegistryCredentials credentials) {
        @Override
        public String toString() {
            return reference.toString();
        }
    }

    /** Pulls an image; see {@link io.gantry.image.Images#pull}. */
    public Image pull(ImageReference reference, RegistryCredentials credentials)
            throws ImageException, InterruptedException {
        return pulls.join(new PullKey(reference, credentials), () -> {
            ImageSource source = registries.open(reference, credentials);
            return bring(source, reference, Provenance.REGISTRY);
        });
    }

    /** Takes an image out of a layout; see {@link io.gantry.image.Images#importOciLayout}. */
    public Image importLayout(Path folderOrTar, ImageReference reference, boolean pinned)
            throws ImageException, InterruptedException {
        Provenance provenance = pinned ? Provenance.PINNED_LAYOUT : Provenance.LAYOUT;
        if (Files.isDirectory(folderOrTar)) {
            return bring(new OciLayout(folderOrTar), reference, provenance);
        }
        try (ImageStore.Scratch scratch = store.scratch()) {
            OciLayout.extract(folderOrTar, scratch.folder());
            return bring(new OciLayout(scratch.folder()), reference, provenance);
        } catch (IOException e) {
            throw ImageStore.storeFailure("take the layout out of " + folderOrTar, e);
        }
    }

    /** Where an image is from. What no registry has is known by no repository digest. */
    private enum Provenance {
        REGISTRY,
        LAYOUT,
        PINNED_LAYOUT
    }

    private Image bring(ImageSource source, ImageReference reference, Provenance provenance)
            throws ImageException, InterruptedException {
        Optional<String> tag = reference.digest() == null ? Optional.of(reference.toString()) : Optional.empty();
        if (provenance == Provenance.REGISTRY
                && store.snapshot().find(reference.toString()).isPresent()) {
            // Most pulls of a tag that is here find it unmoved: one HEAD, which registries do not count as a pull.
            Optional<Digest> digest = source.resolve();
            Optional<Image> here = digest.isEmpty() ? Optional.empty() : renamed(digest.get(), reference, tag);
            if (here.isPresent()) {
                return here.get();
            }
        }
        Document top = source.manifest();
        if (provenance == Provenance.REGISTRY) {
            Optional<Image> here = renamed(top.digest(), reference, tag);
            if (here.isPresent()) {
                return here.get();
            }
        }
        Map<Digest, byte[]> documents = new LinkedHashMap<>();
        ImageManifest.Single manifest = single(source, top, documents);
        List<Digest> manifests = List.copyOf(documents.keySet());
        byte[] configDocument = source.config(manifest.config());
        ImageConfigFile config =
                ConfigDocument.read(configDocument, manifest.config().digest());
        check(reference, manifest, config);
        documents.put(manifest.config().digest(), configDocument);
        try (ImageStore.Reservation reservation = store.reserve()) {
            fetchLayers(source, manifest, config, reservation);
            NewImage image = new NewImage(
                    manifest.config().digest(),
                    documents,
                    manifests,
                    manifest.layers().stream().map(Descriptor::digest).toList(),
                    manifest.config().size()
                            + manifest.layers().stream()
                                    .mapToLong(Descriptor::size)
                                    .sum(),
                    tag,
                    provenance == Provenance.REGISTRY
                            ? Optional.of(reference.withDigest(top.digest()))
                            : Optional.empty(),
                    provenance == Provenance.PINNED_LAYOUT);
            if (Thread.interrupted()) {
                throw new InterruptedException("the pull of " + reference + " was interrupted");
            }
            return store.commit(image, config);
        } catch (IOException e) {
            throw ImageStore.storeFailure("record image " + reference, e);
        }
    }

    private Optional<Image> renamed(Digest manifest, ImageReference reference, Optional<String> tag)
            throws ImageException {
        Optional<Image> here = store.byManifest(manifest);
        if (here.isEmpty()) {
            return Optional.empty();
        }
        try {
            return store.name(here.get().id(), tag, Optional.of(reference.withDigest(manifest)));
        } catch (IOException e) {
            throw ImageStore.storeFailure("record image " + reference, e);
        }
    }

    /** Follows indexes down to the image for this machine. */
    private ImageManifest.Single single(ImageSource source, Document top, Map<Digest, byte[]> documents)
            throws ImageException, InterruptedException {
        Document document = top;
        for (int depth = 0; depth < MAX_INDEX_DEPTH; depth++) {
            documents.put(document.digest(), document.content());
            switch (ImageManifest.read(document.content(), document.contentType(), document.digest())) {
                case ImageManifest.Single single -> {
                    return single;
                }
                case ImageManifest.Index index -> {
                    Digest digest = document.digest();
                    Descriptor chosen = platform.choose(index.manifests())
                            .orElseThrow(() -> new ImageException(
                                    ImageException.Kind.NOT_FOUND,
                                    "index " + digest + " has no image for " + platform));
                    document = source.manifest(chosen.digest());
                }
            }
        }
        throw new ImageException(ImageException.Kind.CORRUPT, "index " + top.digest() + " only leads to indexes");
    }

    private void check(ImageReference reference, ImageManifest.Single manifest, ImageConfigFile config)
            throws ImageException {
        if (manifest.layers().size() != config.diffIds().size()) {
            throw new ImageException(
                    ImageException.Kind.CORRUPT,
                    reference + " has " + manifest.layers().size() + " layers, its config lists "
                            + config.diffIds().size());
        }
        if (!platform.runs(ConfigDocument.platform(config))) {
            throw new ImageException(
                    ImageException.Kind.NOT_FOUND,
                    reference + " is for " + ConfigDocument.platform(config) + ", this machine is " + platform);
        }
    }

    private void fetchLayers(
            ImageSource source,
            ImageManifest.Single manifest,
            ImageConfigFile config,
            ImageStore.Reservation reservation)
            throws ImageException, InterruptedException {
        Map<Digest, Descriptor> missing = new HashMap<>();
        for (int i = 0; i < manifest.layers().size(); i++) {
            Descriptor blob = manifest.layers().get(i);
            reservation.addBlob(blob.digest());
            if (!reservation.addLayer(config.diffIds().get(i))) {
                missing.put(config.diffIds().get(i), blob);
            }
        }
        if (missing.isEmpty()) {
            return;
        }
        try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
            ExecutorCompletionService<Digest> running = new ExecutorCompletionService<>(executor);
            missing.forEach((diffId, blob) -> running.submit(() -> fetchLayer(source, blob, diffId)));
            try {
                for (int i = 0; i < missing.size(); i++) {
                    running.take().get();
                }
            } catch (ExecutionException e) {
                executor.shutdownNow();
                if (e.getCause() instanceof ImageException failure) {
                    throw failure;
                }
                throw new IllegalStateException("a layer's thread broke", e.getCause());
            } catch (InterruptedException e) {
                executor.shutdownNow();
                throw e;
            }
        }
    }

    private Digest fetchLayer(ImageSource source, Descriptor blob, Digest diffId)
            throws ImageException, InterruptedException {
        return layers.join(diffId, () -> {
            // Of its own: a layer that is put in place when its pull has failed already goes at the end of this one.
            try (ImageStore.Reservation reservation = store.reserve()) {
                if (!reservation.addLayer(diffId)) {
                    layerFetch.fetch(source, blob, diffId);
                }
                return diffId;
            }
        });
    }

    /** Cancels all pulls and waits until they are cleaned up. */
    @Override
    public void close() {
        try {
            pulls.close();
            layers.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        registries.close();
    }
}
