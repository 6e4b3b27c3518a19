package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerAttributes;
import io.gantry.cri.v1.ContainerStats;
import io.gantry.cri.v1.CpuUsage;
import io.gantry.cri.v1.FilesystemIdentifier;
import io.gantry.cri.v1.FilesystemUsage;
import io.gantry.cri.v1.IoUsage;
import io.gantry.cri.v1.LinuxPodSandboxStats;
import io.gantry.cri.v1.MemoryUsage;
import io.gantry.cri.v1.PodSandboxAttributes;
import io.gantry.cri.v1.PodSandboxStats;
import io.gantry.cri.v1.ProcessUsage;
import io.gantry.cri.v1.PsiData;
import io.gantry.cri.v1.PsiStats;
import io.gantry.cri.v1.SwapUsage;
import io.gantry.cri.v1.UInt64Value;
import io.gantry.sandbox.Cgroup;
import io.gantry.sandbox.CgroupStats;
import io.gantry.sandbox.SandboxException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What containers and pods use, read from their cgroups at the time of the call. */
final class Stats {
    private final Node node;
    private final Containers containers;
    private final WritableLayers layers;
    private final PodTraffic traffic;
    private final CpuRates rates = new CpuRates();

    Stats(Node node, Containers containers, WritableLayers layers, PodTraffic traffic) {
        this.node = node;
        this.containers = containers;
        this.layers = layers;
        this.traffic = traffic;
    }

    /** A container's usage; of one that does not run only its attributes and its writable layer. */
    ContainerStats of(Container container) throws CriException {
        ContainerStats.Builder stats = ContainerStats.newBuilder()
                .setAttributes(ContainerAttributes.newBuilder()
                        .setId(container.id())
                        .setMetadata(container.config().getMetadata())
                        .putAllLabels(container.config().getLabelsMap())
                        .putAllAnnotations(container.config().getAnnotationsMap()))
                .setWritableLayer(writableLayer(container));
        Optional<CgroupStats> read = read(container);
        if (read.isEmpty()) {
            long now = node.now();
            return stats.setCpu(CpuUsage.newBuilder().setTimestamp(now))
                    .setMemory(MemoryUsage.newBuilder().setTimestamp(now))
                    .build();
        }
        CgroupStats usage = read.get();
        stats.setCpu(cpu(container.id(), usage)).setMemory(memory(usage));
        if (usage.swapUsage() >= 0) {
            stats.setSwap(swap(usage));
        }
        if (usage.ioPressure() != null) {
            stats.setIo(
                    IoUsage.newBuilder().setTimestamp(usage.timestampNanos()).setPsi(psi(usage.ioPressure())));
        }
        return stats.build();
    }

    /** For lists: nothing of one that was removed since it was chosen. */
    Optional<ContainerStats> ifStillThere(Container container) throws CriException {
        try {
            return Optional.of(of(container));
        } catch (CriException e) {
            if (e.kind() == CriException.Kind.NOT_FOUND) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private Optional<CgroupStats> read(Container container) throws CriException {
        if (container.state().isExited()) {
            return Optional.empty();
        }
        try {
            return Optional.of(containers.cgroup(container).stats());
        } catch (SandboxException e) {
            if (e.kind() == SandboxException.Kind.NOT_FOUND) {
                return Optional.empty();
            }
            throw Failures.of("statistics of container " + container.id(), e);
        }
    }

    /** A pod's usage, its containers' included. */
    PodSandboxStats of(Pod pod) throws CriException {
        PodSandboxStats.Builder stats = PodSandboxStats.newBuilder()
                .setAttributes(PodSandboxAttributes.newBuilder()
                        .setId(pod.id())
                        .setMetadata(pod.config().getMetadata())
                        .putAllLabels(pod.config().getLabelsMap())
                        .putAllAnnotations(pod.config().getAnnotationsMap()));
        LinuxPodSandboxStats.Builder linux = LinuxPodSandboxStats.newBuilder();
        traffic.usage(pod).ifPresent(linux::setNetwork);
        try {
            Cgroup cgroup = node.cgroups().open(PodSpecs.cgroupParent(pod, node.cgroups()), "");
            CgroupStats usage = cgroup.stats();
            linux.setCpu(cpu(pod.id(), usage)).setMemory(memory(usage));
            linux.setProcess(ProcessUsage.newBuilder()
                    .setTimestamp(usage.timestampNanos())
                    .setProcessCount(value(cgroup.counters().processes().size())));
            if (usage.ioPressure() != null) {
                linux.setIo(IoUsage.newBuilder()
                        .setTimestamp(usage.timestampNanos())
                        .setPsi(psi(usage.ioPressure())));
            }
        } catch (SandboxException e) {
            if (e.kind() != SandboxException.Kind.NOT_FOUND) {
                throw Failures.of("statistics of pod " + pod.id(), e);
            }
        }
        for (Container container : node.containers().ofPod(pod.id())) {
            if (container.state().isRunning()) {
                ifStillThere(container).ifPresent(linux::addContainers);
            }
        }
        return stats.setLinux(linux).build();
    }

    private CpuUsage cpu(String id, CgroupStats usage) {
        CpuUsage.Builder cpu = CpuUsage.newBuilder()
                .setTimestamp(usage.timestampNanos())
                .setUsageCoreNanoSeconds(value(usage.cpuNanos()));
        rates.nanoCores(id, usage.timestampNanos(), usage.cpuNanos())
                .ifPresent(rate -> cpu.setUsageNanoCores(value(rate)));
        if (usage.cpuPressure() != null) {
            cpu.setPsi(psi(usage.cpuPressure()));
        }
        return cpu.build();
    }

    private static MemoryUsage memory(CgroupStats usage) {
        MemoryUsage.Builder memory = MemoryUsage.newBuilder()
                .setTimestamp(usage.timestampNanos())
                .setWorkingSetBytes(value(usage.workingSet()))
                .setUsageBytes(value(usage.memoryUsage()))
                .setRssBytes(value(usage.rss()))
                .setPageFaults(value(usage.pageFaults()))
                .setMajorPageFaults(value(usage.majorPageFaults()));
        if (usage.memoryLimit() >= 0) {
            memory.setAvailableBytes(value(Math.max(0, usage.memoryLimit() - usage.workingSet())));
        }
        if (usage.memoryPressure() != null) {
            memory.setPsi(psi(usage.memoryPressure()));
        }
        return memory.build();
    }

    private static SwapUsage swap(CgroupStats usage) {
        SwapUsage.Builder swap =
                SwapUsage.newBuilder().setTimestamp(usage.timestampNanos()).setSwapUsageBytes(value(usage.swapUsage()));
        if (usage.swapLimit() >= 0) {
            swap.setSwapAvailableBytes(value(Math.max(0, usage.swapLimit() - usage.swapUsage())));
        }
        return swap.build();
    }

    private static PsiStats psi(CgroupStats.@Nullable Pressure pressure) {
        return pressure == null
                ? PsiStats.getDefaultInstance()
                : PsiStats.newBuilder()
                        .setFull(psi(pressure.full()))
                        .setSome(psi(pressure.some()))
                        .build();
    }

    private static PsiData psi(CgroupStats.Line line) {
        return PsiData.newBuilder()
                .setTotal(line.totalMicros())
                .setAvg10(line.avg10())
                .setAvg60(line.avg60())
                .setAvg300(line.avg300())
                .build();
    }

    private FilesystemUsage writableLayer(Container container) {
        WritableLayers.Usage usage = layers.of(container.id());
        return FilesystemUsage.newBuilder()
                .setTimestamp(usage.timestampNanos())
                .setFsId(FilesystemIdentifier.newBuilder()
                        .setMountpoint(node.layout().root().toString()))
                .setUsedBytes(value(usage.bytes()))
                .setInodesUsed(value(usage.inodes()))
                .build();
    }

    private static UInt64Value value(long number) {
        return UInt64Value.newBuilder().setValue(number).build();
    }

    /** Of a container that is gone. */
    void forget(String id) {
        layers.forget(id);
        rates.forget(id);
    }
}
