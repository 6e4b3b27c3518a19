package io.gantry.sandbox;

import java.nio.file.Path;

/**
 * A cgroup that a process joins.
 *
 * @param version 2 for the unified hierarchy, where the process is born in it; 1 for another, where it moves itself
 */
public record CgroupJoin(int version, Path path) {
    void write(Records records) {
        records.add("cgroup", "v" + version, path);
    }
}
