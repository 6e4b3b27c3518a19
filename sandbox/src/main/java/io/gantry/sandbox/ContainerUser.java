package io.gantry.sandbox;

import java.util.List;

/**
 * Who a container's processes are.
 *
 * @param uid unsigned
 * @param gid unsigned
 * @param groups the supplementary groups, the primary one first, without repetition
 * @param home from the image's /etc/passwd, else {@code /}
 */
public record ContainerUser(int uid, int gid, List<Integer> groups, String home) {
    /** uid 0, gid 0, group 0. */
    public static final ContainerUser ROOT = new ContainerUser(0, 0, List.of(0), "/root");
}
