package io.gantry.runtime;

import io.gantry.linux.Directory;
import io.gantry.linux.DiskUsage;
import io.gantry.linux.LinuxException;
import java.time.Instant;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How much containers have written. Counting walks the upper folder, so a figure is kept for ten seconds: a kubelet asks that often, and
 * a list of a hundred containers must not read the disk each time.
 */
final class WritableLayers {
    private static final Logger LOG = LoggerFactory.getLogger(WritableLayers.class);
    private static final long KEPT_NANOS = 10_000_000_000L;

    record Usage(long timestampNanos, long bytes, long inodes) {}

    private final RuntimeLayout layout;
    private final ConcurrentHashMap<String, Usage> known = new ConcurrentHashMap<>();

    WritableLayers(RuntimeLayout layout) {
        this.layout = layout;
    }

    Usage of(String containerId) {
        long now = Node.nanos(Instant.now());
        Usage kept = known.get(containerId);
        if (kept != null && now - kept.timestampNanos < KEPT_NANOS) {
            return kept;
        }
        Usage counted = new Usage(now, 0, 0);
        try (Directory upper = Directory.open(layout.upper(containerId))) {
            DiskUsage usage = upper.usage();
            counted = new Usage(now, usage.bytes(), usage.inodes());
        } catch (LinuxException e) {
            LOG.debug("writable layer of {}: {}", containerId, e.getMessage());
        }
        known.put(containerId, counted);
        return counted;
    }

    void forget(String containerId) {
        known.remove(containerId);
    }
}
