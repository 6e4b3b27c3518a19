package io.gantry.image;

import java.nio.file.Path;

/**
 * What the store takes of its file system.
 *
 * @param timestampNanos when it was counted, in nanoseconds since the epoch
 * @param mountpoint the store's root folder, by which the kubelet finds the file system
 * @param usedBytes bytes of unpacked layers and blobs
 * @param inodesUsed files and folders of layers and blobs
 */
public record FilesystemUsage(long timestampNanos, Path mountpoint, long usedBytes, long inodesUsed) {}
