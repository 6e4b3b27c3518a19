package io.gantry.image.service;

import io.gantry.image.Digest;
import io.gantry.image.FilesystemUsage;
import io.gantry.image.Image;
import io.gantry.image.ImageConfig;
import io.gantry.image.ImageException;
import io.gantry.image.ImageLease;
import io.gantry.image.ImageReference;
import io.gantry.image.Images;
import io.gantry.image.PullRequest;
import io.gantry.image.pull.ImagePuller;
import io.gantry.image.registry.RegistryClient;
import io.gantry.image.store.ImageStore;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/** The images in a folder of this machine, pulled from registries. */
public final class LocalImages implements Images {
    private final ImageStore store;
    private final ImagePuller puller;

    private LocalImages(ImageStore store, ImagePuller puller) {
        this.store = store;
        this.puller = puller;
    }

    /**
     * Opens the images below a folder, made if it is not there.
     *
     * @param root owned by this object alone: {@code images, blobs, layers, tmp}
     */
    public static LocalImages open(Path root, ImageConfig config) throws ImageException {
        ImageStore store = ImageStore.open(root, pins(config.pinnedReferences()));
        RegistryClient registries = new RegistryClient(config, System.getenv());
        return new LocalImages(
                store, new ImagePuller(store, registries, config.keepCompressedBlobs(), config.maxParallelLayers()));
    }

    private static UnaryOperator<Image> pins(Set<String> references) throws ImageException {
        Set<String> names = new HashSet<>();
        for (String reference : references) {
            names.add(ImageReference.parse(reference).toString());
        }
        return image -> {
            boolean named = image.repoTags().stream().anyMatch(names::contains)
                    || image.repoDigests().stream().anyMatch(names::contains);
            return !named || image.pinned()
                    ? image
                    : new Image(
                            image.id(),
                            image.repoTags(),
                            image.repoDigests(),
                            image.size(),
                            image.config(),
                            image.layerPathsTopFirst(),
                            image.chainId(),
                            true);
        };
    }

    @Override
    public Optional<Image> find(String referenceOrId) throws ImageException {
        return store.snapshot().find(referenceOrId);
    }

    @Override
    public List<Image> list() {
        return store.snapshot().all();
    }

    @Override
    public Image pull(PullRequest request) throws ImageException, InterruptedException {
        return puller.pull(ImageReference.parse(request.reference()), request.credentials());
    }

    @Override
    public Image importOciLayout(Path folderOrTar, String reference, boolean pinned)
            throws ImageException, InterruptedException {
        return puller.importLayout(folderOrTar, ImageReference.parse(reference), pinned);
    }

    @Override
    public void remove(String referenceOrId) throws ImageException {
        Optional<Image> image = find(referenceOrId);
        if (image.isPresent()) {
            try {
                store.remove(image.get());
            } catch (IOException e) {
                throw ImageStore.storeFailure("remove image " + image.get().id(), e);
            }
        }
    }

    @Override
    public ImageLease hold(String imageId) throws ImageException {
        return store.hold(imageId);
    }

    @Override
    public void collectUnused() {
        store.collectUnused();
    }

    @Override
    public byte[] configDocument(Image image) throws ImageException {
        return store.document(Digest.parse(image.id()));
    }

    @Override
    public FilesystemUsage usage() {
        return store.usage();
    }

    @Override
    public void close() {
        puller.close();
        store.close();
    }
}
