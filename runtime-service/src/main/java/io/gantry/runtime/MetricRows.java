package io.gantry.runtime;

import io.gantry.cri.v1.Metric;
import io.gantry.cri.v1.UInt64Value;
import io.gantry.sandbox.CgroupStats;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The metrics of one pod or container while they are put together: all with the same first labels. */
final class MetricRows {
    private static final long SECOND = 1_000_000_000L;

    private final List<String> labels;
    private final long timestampNanos;
    private final List<Metric> rows = new ArrayList<>();

    /**
     * @param labels values for {@link PodMetric#LABELS}
     */
    MetricRows(long timestampNanos, List<String> labels) {
        if (labels.size() != PodMetric.LABELS.size()) {
            throw new IllegalArgumentException("labels " + labels);
        }
        this.timestampNanos = timestampNanos;
        this.labels = List.copyOf(labels);
    }

    void add(PodMetric metric, long value, String... ownLabels) {
        if (ownLabels.length != metric.ownLabels().size()) {
            throw new IllegalArgumentException(metric + " has the labels " + metric.ownLabels());
        }
        rows.add(Metric.newBuilder()
                .setName(metric.metricName())
                .setTimestamp(timestampNanos)
                .setMetricType(metric.type())
                .addAllLabelValues(labels)
                .addAllLabelValues(List.of(ownLabels))
                .setValue(UInt64Value.newBuilder().setValue(value))
                .build());
    }

    void seconds(PodMetric metric, long nanos, String... ownLabels) {
        add(metric, nanos / SECOND, ownLabels);
    }

    /** Nothing where the kernel does not tell. */
    void pressure(PodMetric full, PodMetric some, CgroupStats.@Nullable Pressure pressure) {
        if (pressure != null) {
            seconds(full, 1000 * pressure.full().totalMicros());
            seconds(some, 1000 * pressure.some().totalMicros());
        }
    }

    List<Metric> rows() {
        return rows;
    }
}
