package io.gantry.linux;

/**
 * What a tree takes on its disk.
 *
 * @param bytes allocated, a file with several links counted once
 * @param inodes files, directories and others
 */
public record DiskUsage(long bytes, long inodes) {}
