package io.gantry.runtime;

import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;

/** CPU use over time, from two readings of a counter: the last one, and the newest that is at least a second older. */
final class CpuRates {
    private static final long MIN_INTERVAL = 1_000_000_000L;

    private record Reading(long nanos, long cpuNanos) {}

    /** The base that a rate is computed from, and the newest reading, which becomes the base once it is old enough. */
    private record History(Reading base, Reading newest) {}

    private final ConcurrentHashMap<String, History> histories = new ConcurrentHashMap<>();

    /** Nanoseconds of CPU time a second, over the last seconds; empty until there are two readings a second apart. */
    OptionalLong nanoCores(String id, long nanos, long cpuNanos) {
        Reading now = new Reading(nanos, cpuNanos);
        History history = histories.merge(id, new History(now, now), (old, fresh) -> {
            Reading base = nanos - old.newest.nanos >= MIN_INTERVAL ? old.newest : old.base;
            // A counter that went back belongs to a container that was started anew.
            return cpuNanos < base.cpuNanos
                    ? fresh
                    : new History(base, nanos - base.nanos >= MIN_INTERVAL ? now : old.newest);
        });
        long elapsed = nanos - history.base.nanos;
        if (elapsed < MIN_INTERVAL) {
            return OptionalLong.empty();
        }
        return OptionalLong.of((long) ((cpuNanos - history.base.cpuNanos) * 1e9 / elapsed));
    }

    void forget(String id) {
        histories.remove(id);
    }
}
