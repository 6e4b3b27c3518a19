package io.gantry.image.manifest;

import io.gantry.image.Digest;
import io.gantry.image.ImageException;
import io.gantry.image.json.JsonTree;
import java.util.Optional;

/**
 * Points to a blob or a manifest.
 *
 * @param size bytes, 0 or more
 * @param platform what it runs on, if told
 */
public record Descriptor(String mediaType, Digest digest, long size, Optional<Platform> platform) {
    static Descriptor read(JsonTree json) throws ImageException {
        long size = json.get("size").number(-1);
        if (size < 0) {
            throw new ImageException(
                    ImageException.Kind.CORRUPT,
                    "the descriptor of " + json.get("digest").text() + " has no valid size");
        }
        JsonTree platform = json.get("platform");
        return new Descriptor(
                json.get("mediaType").text(),
                Digest.parse(json.get("digest").text()),
                size,
                platform.isObject() ? Optional.of(Platform.read(platform)) : Optional.empty());
    }
}
