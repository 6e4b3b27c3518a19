package io.gantry.sandbox;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the shim must know of a container's cgroup, on either version.
 *
 * @param joins where each process of the container goes
 * @param killGroups what must be empty when the container has ended
 * @param oomCounters files that count OOM kills; the first that can still be read when the container has ended counts
 * @param execGroup where each exec'd process gets a child group to be killed by; null for none
 */
public record CgroupPlacement(
        List<CgroupJoin> joins,
        List<Path> killGroups,
        List<OomCounter> oomCounters,
        @Nullable Path execGroup) {
    /** No cgroup at all: for tests. */
    public static final CgroupPlacement NONE = new CgroupPlacement(List.of(), List.of(), List.of(), null);

    /** A file of {@code KEY N} lines. */
    public record OomCounter(Path file, String key) {}

    void write(Records records) {
        joins.forEach(join -> join.write(records));
        killGroups.forEach(path -> records.add("killgroup", path));
        oomCounters.forEach(counter -> records.add("oom", counter.file(), counter.key()));
    }
}
