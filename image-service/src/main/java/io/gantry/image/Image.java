package io.gantry.image;

import java.nio.file.Path;
import java.util.List;

/**
 * An image that is complete in the store. Immutable: a later tag or removal makes another snapshot.
 *
 * @param id {@code sha256:...} of the config document; the CRI's Image.id, image_id and image_ref
 * @param repoTags normalised names with tag, sorted
 * @param repoDigests normalised names with the digest of what was asked for (the index if there is one), sorted
 * @param size bytes of the compressed layers and the config
 * @param layerPathsTopFirst the unpacked layers in the order of overlayfs' lowerdir, each once
 * @param chainId digest of the whole stack of layers (image-spec, Layer ChainID)
 * @param pinned must not be collected by the kubelet
 */
public record Image(
        String id,
        List<String> repoTags,
        List<String> repoDigests,
        long size,
        ImageConfigFile config,
        List<Path> layerPathsTopFirst,
        String chainId,
        boolean pinned) {
    public Image {
        repoTags = List.copyOf(repoTags);
        repoDigests = List.copyOf(repoDigests);
        layerPathsTopFirst = List.copyOf(layerPathsTopFirst);
    }
}
