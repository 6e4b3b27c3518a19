package io.gantry.image.unpack;

/**
 * What an unpacked layer takes on disk.
 *
 * @param bytes in whole blocks
 * @param inodes files, folders and links
 */
public record LayerSize(long bytes, long inodes) {}
