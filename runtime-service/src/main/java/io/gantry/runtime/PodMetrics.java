package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerMetrics;
import io.gantry.cri.v1.LinuxContainerResources;
import io.gantry.cri.v1.PodSandboxMetadata;
import io.gantry.cri.v1.PodSandboxMetrics;
import io.gantry.linux.FileSystemStat;
import io.gantry.linux.LinuxException;
import io.gantry.sandbox.Cgroup;
import io.gantry.sandbox.CgroupCounters;
import io.gantry.sandbox.CgroupStats;
import io.gantry.sandbox.SandboxException;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Values for {@link PodMetric}, read at the time of the call: a pod's network, and all the rest of its running containers. */
final class PodMetrics {
    private static final Logger LOG = LoggerFactory.getLogger(PodMetrics.class);
    /** What the kernel takes where nothing is asked for. */
    private static final long DEFAULT_SHARES = 1024;

    private static final long DEFAULT_PERIOD = 100_000;

    private final Node node;
    private final Containers containers;
    private final WritableLayers layers;
    private final PodTraffic traffic;

    PodMetrics(Node node, Containers containers, WritableLayers layers, PodTraffic traffic) {
        this.node = node;
        this.containers = containers;
        this.layers = layers;
        this.traffic = traffic;
    }

    /** A container that cannot be read, because it ends at this moment, is left out. */
    PodSandboxMetrics of(Pod pod) throws CriException {
        PodSandboxMetrics.Builder metrics =
                PodSandboxMetrics.newBuilder().setPodSandboxId(pod.id()).addAllMetrics(network(pod));
        for (Container container : node.containers().ofPod(pod.id())) {
            if (container.state() instanceof ContainerState.Running running) {
                try {
                    metrics.addContainerMetrics(ContainerMetrics.newBuilder()
                            .setContainerId(container.id())
                            .addAllMetrics(rows(pod, container, running)));
                } catch (CriException | SandboxException e) {
                    LOG.debug("metrics of container {}: {}", container.id(), e.getMessage());
                }
            }
        }
        return metrics.build();
    }

    private static List<String> labels(Pod pod, String cgroup, String id, String image, String container) {
        PodSandboxMetadata metadata = pod.config().getMetadata();
        return List.of("/" + cgroup, id, image, metadata.getName(), metadata.getNamespace(), container);
    }

    private List<io.gantry.cri.v1.Metric> network(Pod pod) throws CriException {
        String cgroup;
        try {
            cgroup = node.cgroups()
                    .open(PodSpecs.cgroupParent(pod, node.cgroups()), "")
                    .path();
        } catch (SandboxException e) {
            throw Failures.of("metrics of pod " + pod.id(), e);
        }
        MetricRows rows = new MetricRows(node.now(), labels(pod, cgroup, pod.id(), "", ""));
        for (NetworkInterface device : traffic.of(pod)) {
            rows.add(PodMetric.NET_RX_BYTES, device.rxBytes(), device.name());
            rows.add(PodMetric.NET_RX_ERRORS, device.rxErrors(), device.name());
            rows.add(PodMetric.NET_RX_DROPPED, device.rxDropped(), device.name());
            rows.add(PodMetric.NET_RX_PACKETS, device.rxPackets(), device.name());
            rows.add(PodMetric.NET_TX_BYTES, device.txBytes(), device.name());
            rows.add(PodMetric.NET_TX_ERRORS, device.txErrors(), device.name());
            rows.add(PodMetric.NET_TX_DROPPED, device.txDropped(), device.name());
            rows.add(PodMetric.NET_TX_PACKETS, device.txPackets(), device.name());
        }
        return rows.rows();
    }

    private List<io.gantry.cri.v1.Metric> rows(Pod pod, Container container, ContainerState.Running running)
            throws CriException, SandboxException {
        Cgroup cgroup = containers.cgroup(container);
        CgroupStats usage = cgroup.stats();
        CgroupCounters counters = cgroup.counters();
        MetricRows rows = new MetricRows(
                usage.timestampNanos(),
                labels(
                        pod,
                        cgroup.path(),
                        container.id(),
                        container.record().getImageName(),
                        container.config().getMetadata().getName()));
        rows.seconds(PodMetric.START_TIME, running.startedAt());
        rows.seconds(PodMetric.LAST_SEEN, usage.timestampNanos());
        cpu(rows, usage, counters);
        memory(rows, usage, counters);
        rows.add(PodMetric.OOM_KILLS, cgroup.oomKills());
        disks(rows, counters);
        fileSystem(rows, container);
        OpenFiles files = OpenFiles.of(counters.processes());
        rows.add(PodMetric.FILE_DESCRIPTORS, files.descriptors());
        rows.add(PodMetric.SOCKETS, files.sockets());
        rows.add(PodMetric.PROCESSES, counters.processes().size());
        rows.add(PodMetric.THREADS, usage.pids());
        rows.add(PodMetric.THREADS_MAX, Math.max(0, usage.pidsLimit()));
        limits(rows, container.present().resources(), usage, counters);
        return rows.rows();
    }

    private static void cpu(MetricRows rows, CgroupStats usage, CgroupCounters counters) {
        rows.seconds(PodMetric.CPU_USAGE, usage.cpuNanos(), "total");
        rows.seconds(PodMetric.CPU_USER, counters.cpuUserNanos());
        rows.seconds(PodMetric.CPU_SYSTEM, counters.cpuSystemNanos());
        rows.pressure(PodMetric.PRESSURE_CPU_FULL, PodMetric.PRESSURE_CPU_SOME, usage.cpuPressure());
        rows.pressure(PodMetric.PRESSURE_IO_FULL, PodMetric.PRESSURE_IO_SOME, usage.ioPressure());
        rows.pressure(PodMetric.PRESSURE_MEMORY_FULL, PodMetric.PRESSURE_MEMORY_SOME, usage.memoryPressure());
    }

    private static void memory(MetricRows rows, CgroupStats usage, CgroupCounters counters) {
        rows.add(PodMetric.MEMORY_USAGE, usage.memoryUsage());
        rows.add(PodMetric.MEMORY_WORKING_SET, usage.workingSet());
        rows.add(PodMetric.MEMORY_RSS, usage.rss());
        rows.add(PodMetric.MEMORY_SWAP, Math.max(0, usage.swapUsage()));
        rows.add(PodMetric.MEMORY_CACHE, counters.cache());
        rows.add(PodMetric.MEMORY_MAPPED, counters.mappedFile());
        rows.add(PodMetric.MEMORY_KERNEL, counters.kernelMemory());
        rows.add(PodMetric.MEMORY_PEAK, counters.peakMemory());
        rows.add(PodMetric.MEMORY_LIMIT_HITS, counters.limitHits());
        rows.add(PodMetric.MEMORY_FAULTS, usage.pageFaults(), "pgfault", "container");
        rows.add(PodMetric.MEMORY_FAULTS, usage.majorPageFaults(), "pgmajfault", "container");
    }

    private static void disks(MetricRows rows, CgroupCounters counters) {
        for (CgroupCounters.DeviceIo disk : counters.io()) {
            String number = disk.major() + ":" + disk.minor();
            String major = Integer.toString(disk.major());
            String minor = Integer.toString(disk.minor());
            rows.add(PodMetric.BLKIO, disk.readBytes(), number, major, minor, "Read");
            rows.add(PodMetric.BLKIO, disk.writtenBytes(), number, major, minor, "Write");
            rows.add(PodMetric.FS_READ_BYTES, disk.readBytes(), number);
            rows.add(PodMetric.FS_READS, disk.reads(), number);
            rows.add(PodMetric.FS_WRITTEN_BYTES, disk.writtenBytes(), number);
            rows.add(PodMetric.FS_WRITES, disk.writes(), number);
        }
    }

    private void fileSystem(MetricRows rows, Container container) {
        String device = node.layout().root().toString();
        rows.add(PodMetric.FS_USAGE, layers.of(container.id()).bytes(), device);
        try {
            FileSystemStat stat = FileSystemStat.of(node.layout().root());
            rows.add(PodMetric.FS_LIMIT, stat.bytes(), device);
            rows.add(PodMetric.FS_INODES_TOTAL, stat.inodes(), device);
            rows.add(PodMetric.FS_INODES_FREE, stat.freeInodes(), device);
        } catch (LinuxException e) {
            LOG.debug("file system of {}: {}", device, e.getMessage());
        }
    }

    private static void limits(
            MetricRows rows, LinuxContainerResources resources, CgroupStats usage, CgroupCounters counters) {
        rows.add(PodMetric.SPEC_CPU_SHARES, resources.getCpuShares() == 0 ? DEFAULT_SHARES : resources.getCpuShares());
        rows.add(PodMetric.SPEC_CPU_PERIOD, resources.getCpuPeriod() == 0 ? DEFAULT_PERIOD : resources.getCpuPeriod());
        if (resources.getCpuQuota() > 0) {
            rows.add(PodMetric.SPEC_CPU_QUOTA, resources.getCpuQuota());
            rows.add(PodMetric.CPU_PERIODS, counters.periods());
            rows.add(PodMetric.CPU_THROTTLED_PERIODS, counters.throttledPeriods());
            rows.seconds(PodMetric.CPU_THROTTLED, counters.throttledNanos());
        }
        rows.add(PodMetric.SPEC_MEMORY_LIMIT, Math.max(0, usage.memoryLimit()));
        rows.add(
                PodMetric.SPEC_SWAP_LIMIT,
                usage.memoryLimit() < 0 || usage.swapLimit() < 0 ? 0 : usage.memoryLimit() + usage.swapLimit());
    }
}
