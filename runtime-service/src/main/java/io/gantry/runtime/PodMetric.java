package io.gantry.runtime;

import io.gantry.cri.v1.MetricDescriptor;
import io.gantry.cri.v1.MetricType;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** The metrics of pods and containers, by the names that cAdvisor gave them and dashboards know. Times are whole seconds: the CRI's values are integers. */
enum PodMetric {
    BLKIO(
            MetricType.COUNTER,
            "container_blkio_device_usage_total",
            "Bytes to and from a block device",
            "device",
            "major",
            "minor",
            "operation"),
    CPU_PERIODS(MetricType.COUNTER, "container_cpu_cfs_periods_total", "Periods of the CPU quota that have passed"),
    CPU_THROTTLED_PERIODS(
            MetricType.COUNTER,
            "container_cpu_cfs_throttled_periods_total",
            "Periods in which the CPU quota was used up"),
    CPU_THROTTLED(
            MetricType.COUNTER,
            "container_cpu_cfs_throttled_seconds_total",
            "Time for which the CPU quota kept it from running"),
    CPU_SYSTEM(MetricType.COUNTER, "container_cpu_system_seconds_total", "CPU time in the kernel"),
    CPU_USAGE(MetricType.COUNTER, "container_cpu_usage_seconds_total", "CPU time", "cpu"),
    CPU_USER(MetricType.COUNTER, "container_cpu_user_seconds_total", "CPU time in user mode"),
    FILE_DESCRIPTORS(MetricType.GAUGE, "container_file_descriptors", "Open file descriptors"),
    FS_INODES_FREE(MetricType.GAUGE, "container_fs_inodes_free", "Free inodes of its file system", "device"),
    FS_INODES_TOTAL(MetricType.GAUGE, "container_fs_inodes_total", "Inodes of its file system", "device"),
    FS_LIMIT(MetricType.GAUGE, "container_fs_limit_bytes", "Size of its file system", "device"),
    FS_READ_BYTES(MetricType.COUNTER, "container_fs_reads_bytes_total", "Bytes read", "device"),
    FS_READS(MetricType.COUNTER, "container_fs_reads_total", "Read operations", "device"),
    FS_USAGE(MetricType.GAUGE, "container_fs_usage_bytes", "Bytes of its writable layer", "device"),
    FS_WRITTEN_BYTES(MetricType.COUNTER, "container_fs_writes_bytes_total", "Bytes written", "device"),
    FS_WRITES(MetricType.COUNTER, "container_fs_writes_total", "Write operations", "device"),
    LAST_SEEN(MetricType.GAUGE, "container_last_seen", "When it was last looked at, since the epoch"),
    MEMORY_CACHE(MetricType.GAUGE, "container_memory_cache", "Bytes of page cache"),
    MEMORY_LIMIT_HITS(MetricType.COUNTER, "container_memory_failcnt", "How often memory usage reached the limit"),
    MEMORY_FAULTS(MetricType.COUNTER, "container_memory_failures_total", "Page faults", "failure_type", "scope"),
    MEMORY_KERNEL(MetricType.GAUGE, "container_memory_kernel_usage", "Bytes of kernel memory"),
    MEMORY_MAPPED(MetricType.GAUGE, "container_memory_mapped_file", "Bytes of files mapped into memory"),
    MEMORY_PEAK(MetricType.GAUGE, "container_memory_max_usage_bytes", "The highest memory usage so far"),
    MEMORY_RSS(MetricType.GAUGE, "container_memory_rss", "Bytes of anonymous memory"),
    MEMORY_SWAP(MetricType.GAUGE, "container_memory_swap", "Bytes of swap"),
    MEMORY_USAGE(MetricType.GAUGE, "container_memory_usage_bytes", "Bytes of memory, page cache included"),
    MEMORY_WORKING_SET(
            MetricType.GAUGE, "container_memory_working_set_bytes", "Memory usage without inactive page cache"),
    NET_RX_BYTES(MetricType.COUNTER, "container_network_receive_bytes_total", "Bytes received", "interface"),
    NET_RX_ERRORS(MetricType.COUNTER, "container_network_receive_errors_total", "Errors while receiving", "interface"),
    NET_RX_DROPPED(
            MetricType.COUNTER,
            "container_network_receive_packets_dropped_total",
            "Packets dropped while receiving",
            "interface"),
    NET_RX_PACKETS(MetricType.COUNTER, "container_network_receive_packets_total", "Packets received", "interface"),
    NET_TX_BYTES(MetricType.COUNTER, "container_network_transmit_bytes_total", "Bytes sent", "interface"),
    NET_TX_ERRORS(MetricType.COUNTER, "container_network_transmit_errors_total", "Errors while sending", "interface"),
    NET_TX_DROPPED(
            MetricType.COUNTER,
            "container_network_transmit_packets_dropped_total",
            "Packets dropped while sending",
            "interface"),
    NET_TX_PACKETS(MetricType.COUNTER, "container_network_transmit_packets_total", "Packets sent", "interface"),
    OOM_KILLS(MetricType.COUNTER, "container_oom_events_total", "Processes killed for lack of memory"),
    PRESSURE_CPU_FULL(
            MetricType.COUNTER,
            "container_pressure_cpu_stalled_seconds_total",
            "Time in which all tasks waited for a CPU"),
    PRESSURE_CPU_SOME(
            MetricType.COUNTER,
            "container_pressure_cpu_waiting_seconds_total",
            "Time in which some task waited for a CPU"),
    PRESSURE_IO_FULL(
            MetricType.COUNTER,
            "container_pressure_io_stalled_seconds_total",
            "Time in which all tasks waited for a disk"),
    PRESSURE_IO_SOME(
            MetricType.COUNTER,
            "container_pressure_io_waiting_seconds_total",
            "Time in which some task waited for a disk"),
    PRESSURE_MEMORY_FULL(
            MetricType.COUNTER,
            "container_pressure_memory_stalled_seconds_total",
            "Time in which all tasks waited for memory"),
    PRESSURE_MEMORY_SOME(
            MetricType.COUNTER,
            "container_pressure_memory_waiting_seconds_total",
            "Time in which some task waited for memory"),
    PROCESSES(MetricType.GAUGE, "container_processes", "Processes"),
    SOCKETS(MetricType.GAUGE, "container_sockets", "Open sockets"),
    SPEC_CPU_PERIOD(MetricType.GAUGE, "container_spec_cpu_period", "Period of the CPU quota, in microseconds"),
    SPEC_CPU_QUOTA(MetricType.GAUGE, "container_spec_cpu_quota", "CPU quota, in microseconds per period"),
    SPEC_CPU_SHARES(MetricType.GAUGE, "container_spec_cpu_shares", "CPU shares"),
    SPEC_MEMORY_LIMIT(MetricType.GAUGE, "container_spec_memory_limit_bytes", "Memory limit, 0 for none"),
    SPEC_SWAP_LIMIT(
            MetricType.GAUGE,
            "container_spec_memory_swap_limit_bytes",
            "Limit of memory and swap together, 0 for none"),
    START_TIME(MetricType.GAUGE, "container_start_time_seconds", "When it was started, since the epoch"),
    THREADS(MetricType.GAUGE, "container_threads", "Threads"),
    THREADS_MAX(MetricType.GAUGE, "container_threads_max", "Limit of threads, 0 for none");

    /** What every metric is labelled with, in this order; its own labels follow. */
    static final List<String> LABELS = List.of("id", "name", "image", "pod", "namespace", "container");

    private final MetricType type;
    private final String metricName;
    private final String help;

    @SuppressWarnings("ImmutableEnumChecker") // made by List.of
    private final List<String> ownLabels;

    PodMetric(MetricType type, String metricName, String help, String... ownLabels) {
        this.type = type;
        this.metricName = metricName;
        this.help = help;
        this.ownLabels = List.of(ownLabels);
    }

    MetricType type() {
        return type;
    }

    String metricName() {
        return metricName;
    }

    List<String> ownLabels() {
        return ownLabels;
    }

    /** All, the same for the life of the process. */
    static List<MetricDescriptor> descriptors() {
        return Arrays.stream(values())
                .map(metric -> MetricDescriptor.newBuilder()
                        .setName(metric.metricName)
                        .setHelp(metric.help)
                        .addAllLabelKeys(Stream.concat(LABELS.stream(), metric.ownLabels.stream())
                                .toList())
                        .build())
                .toList();
    }
}
