package io.gantry.image.store;

import io.gantry.image.Digest;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A complete image to be recorded; its layers are in the store.
 *
 * @param config digest of its config
 * @param documents config, manifest and index by their digests, verified
 * @param manifests digests of the manifest and of the index that led to it
 * @param blobs digests of the compressed layers
 * @param size bytes of the compressed layers and the config
 * @param tag the name with a tag that shall mean this image from now on
 * @param repoDigest the name with the digest of what was asked for
 */
public record NewImage(
        Digest config,
        Map<Digest, byte[]> documents,
        List<Digest> manifests,
        List<Digest> blobs,
        long size,
        Optional<String> tag,
        Optional<String> repoDigest,
        boolean pinned) {
    public NewImage {
        documents = Map.copyOf(documents);
        manifests = List.copyOf(manifests);
        blobs = List.copyOf(blobs);
    }
}
