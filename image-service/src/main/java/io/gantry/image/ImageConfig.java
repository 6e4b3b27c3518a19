package io.gantry.image;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Settings of the image service.
 *
 * @param registryConfigFolder holds {@code <host>/hosts.toml} as containerd lays them out; re-read when changed; null: none
 * @param insecureRegistries {@code host[:port]} of registries to speak plain HTTP with; loopback ones are so without being named
 * @param authConfigFile a docker {@code config.json} with the credentials to use when a pull brings none; null: none
 * @param maxParallelLayers layers fetched and unpacked at a time over all pulls, 1 or more
 * @param stallTimeout a connection that brings no byte for so long is broken and resumed elsewhere
 * @param keepCompressedBlobs keep the layers' compressed blobs too, at the price of disk space
 * @param pinnedReferences normalised or user-written names whose images are reported as pinned
 */
public record ImageConfig(
        @Nullable Path registryConfigFolder,
        Set<String> insecureRegistries,
        @Nullable Path authConfigFile,
        int maxParallelLayers,
        Duration stallTimeout,
        boolean keepCompressedBlobs,
        Set<String> pinnedReferences) {
    public ImageConfig {
        insecureRegistries = Set.copyOf(insecureRegistries);
        pinnedReferences = Set.copyOf(pinnedReferences);
        if (maxParallelLayers < 1) {
            throw new IllegalArgumentException("maxParallelLayers is " + maxParallelLayers + ", must be 1 or more");
        }
    }

    /** What holds when nothing is configured. */
    public static ImageConfig defaults() {
        return new ImageConfig(null, Set.of(), null, 4, Duration.ofSeconds(60), false, Set.of());
    }
}
