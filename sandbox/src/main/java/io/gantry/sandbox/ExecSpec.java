package io.gantry.sandbox;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A process in a running container.
 *
 * @param container its id
 * @param stdin whether it has one; else /dev/null
 * @param timeout after which it and all that it started is killed; null or zero for never
 * @param drain how long output is still read when it has exited and others hold its pipes; null for the default, 500 ms
 */
public record ExecSpec(
        String container,
        ProcessSpec process,
        CgroupPlacement cgroup,
        boolean stdin,
        @Nullable Duration timeout,
        @Nullable Duration drain) {
    /** The payload of EXEC. */
    byte[] encode() {
        Records records = new Records().add("id", container);
        process.write(records);
        cgroup.joins().forEach(join -> join.write(records));
        if (cgroup.execGroup() != null) {
            records.add("execgroup", cgroup.execGroup());
        }
        if (stdin) {
            records.add("stdin");
        }
        if (timeout != null && !timeout.isZero()) {
            records.add("timeout", Math.max(1, timeout.toMillis()));
        }
        if (drain != null) {
            records.add("drain", drain.toMillis());
        }
        return records.toBytes();
    }
}
