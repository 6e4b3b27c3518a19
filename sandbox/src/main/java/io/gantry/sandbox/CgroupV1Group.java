package io.gantry.sandbox;

import io.gantry.linux.Errno;
import io.gantry.linux.LinuxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A group in every hierarchy of version 1. */
final class CgroupV1Group implements Cgroup {
    private final String path;
    private final List<Path> folders = new ArrayList<>();
    private final List<CgroupV1.Hierarchy> hierarchies;
    private final @Nullable Path unified;

    CgroupV1Group(String path, List<CgroupV1.Hierarchy> hierarchies, @Nullable Path unifiedMount) {
        this.path = path;
        this.hierarchies = hierarchies;
        this.unified = unifiedMount == null ? null : unifiedMount.resolve(path);
        hierarchies.forEach(hierarchy -> folders.add(hierarchy.mount().resolve(path)));
    }

    @Override
    public String path() {
        return path;
    }

    @Override
    public CgroupPlacement placement() {
        List<CgroupJoin> joins = new ArrayList<>();
        if (unified != null) {
            joins.add(new CgroupJoin(2, unified));
        }
        folders.forEach(folder -> joins.add(new CgroupJoin(1, folder)));
        Path kill = killFolder();
        List<CgroupPlacement.OomCounter> counters = new ArrayList<>();
        Path memory = folder("memory");
        if (memory != null) {
            counters.add(new CgroupPlacement.OomCounter(memory.resolve("memory.oom_control"), "oom_kill"));
        }
        return new CgroupPlacement(joins, List.of(kill), counters, kill);
    }

    /** The unified hierarchy kills as one (cgroup.kill, Linux 5.14); of the others any will do. */
    private Path killFolder() {
        return unified != null ? unified : folders.getFirst();
    }

    private @Nullable Path folder(String controller) {
        return CgroupV1.folderOf(hierarchies, controller, path).orElse(null);
    }

    @Override
    public boolean exists() {
        return Files.exists(killFolder());
    }

    @Override
    public void update(Resources resources) throws SandboxException {
        apply(resources, new CgroupChange(true));
    }

    void apply(Resources resources, CgroupChange change) throws SandboxException {
        if (!resources.unified().isEmpty()) {
            throw new SandboxException(
                    SandboxException.Kind.INVALID,
                    "cgroup " + path + ": unified resources "
                            + resources.unified().keySet() + " need cgroup v2");
        }
        applyDevices(resources, change);
        applyMemory(resources, change);
        applyCpu(resources, change);
        if (!resources.cpusetCpus().isEmpty()) {
            change.write(require("cpuset").resolve("cpuset.cpus"), resources.cpusetCpus());
        }
        if (!resources.cpusetMems().isEmpty()) {
            change.write(require("cpuset").resolve("cpuset.mems"), resources.cpusetMems());
        }
        if (resources.pidsLimit() != 0) {
            change.write(require("pids").resolve("pids.max"), CgroupV2Group.maxOr(resources.pidsLimit()));
        }
        for (Map.Entry<String, Long> limit : resources.hugepages().entrySet()) {
            applyHugepages(limit.getKey(), limit.getValue(), change);
        }
    }

    private Path require(String controller) throws SandboxException {
        Path folder = folder(controller);
        if (folder == null) {
            throw new SandboxException(
                    SandboxException.Kind.INVALID,
                    "cgroup " + path + ": the controller '" + controller + "' is not mounted");
        }
        return folder;
    }

    private void applyMemory(Resources resources, CgroupChange change) throws SandboxException {
        long memory = resources.memoryLimit();
        long both = resources.memorySwapLimit();
        if (memory == 0 && both == 0) {
            return;
        }
        Path folder = require("memory");
        Path memoryFile = folder.resolve("memory.limit_in_bytes");
        Path bothFile = folder.resolve("memory.memsw.limit_in_bytes");
        if (!Files.exists(bothFile)) {
            // swapaccount=0: there is no way to limit swap, as the other runtimes pass over.
            both = 0;
        } else if (memory == -1 && both == 0) {
            both = -1;
        }
        // The kernel wants memory <= memory and swap at every moment.
        boolean swapFirst = both == -1;
        if (memory != 0 && both > 0) {
            try {
                long present = CgroupFiles.limit(memoryFile);
                swapFirst = present != -1 && both > present;
            } catch (LinuxException e) {
                throw change.refused(memoryFile, Long.toString(memory), e);
            }
        }
        if (swapFirst) {
            change.write(bothFile, Long.toString(both));
        }
        if (memory != 0) {
            change.write(memoryFile, Long.toString(memory));
        }
        if (both != 0 && !swapFirst) {
            change.write(bothFile, Long.toString(both));
        }
    }

    private void applyCpu(Resources resources, CgroupChange change) throws SandboxException {
        if (resources.cpuShares() != 0) {
            change.write(require("cpu").resolve("cpu.shares"), Long.toString(resources.cpuShares()));
        }
        long quota = resources.cpuQuota() == 0 && resources.cpuPeriod() != 0 ? -1 : resources.cpuQuota();
        if (quota == 0) {
            return;
        }
        Path cpu = require("cpu");
        Path periodFile = cpu.resolve("cpu.cfs_period_us");
        Path quotaFile = cpu.resolve("cpu.cfs_quota_us");
        if (resources.cpuPeriod() != 0) {
            String period = Long.toString(resources.cpuPeriod());
            LinuxException refusal = change.tryWrite(periodFile, period);
            if (refusal != null && refusal.errno() != Errno.EINVAL) {
                throw change.refused(periodFile, period, refusal);
            }
            if (refusal != null) {
                // The old quota in the new period may exceed what the parent has.
                change.write(quotaFile, Long.toString(quota));
                change.write(periodFile, period);
                return;
            }
        }
        change.write(quotaFile, Long.toString(quota));
    }

    private void applyHugepages(String size, long bytes, CgroupChange change) throws SandboxException {
        CgroupV2Group.checkPageSize(size);
        Path v1 = folder("hugetlb");
        if (v1 != null) {
            Path file = v1.resolve("hugetlb." + size + ".limit_in_bytes");
            if (bytes != 0 || Files.exists(file)) {
                change.write(file, Long.toString(bytes));
            }
        } else if (unified != null) {
            CgroupV2Group.applyHugepages(unified, size, bytes, change);
        } else if (bytes != 0) {
            require("hugetlb");
        }
    }

    private void applyDevices(Resources resources, CgroupChange change) throws SandboxException {
        List<Resources.DeviceRule> rules = resources.devices();
        if (rules == null) {
            return;
        }
        Path folder = require("devices");
        boolean all = rules.contains(Resources.DeviceRule.ALL);
        Path file = folder.resolve(all ? "devices.allow" : "devices.deny");
        try {
            // Not through the change: these files can only be written.
            CgroupFiles.write(file, "a");
            if (!all && !rules.isEmpty()) {
                file = folder.resolve("devices.allow");
                CgroupFiles.write(
                        file, rules.stream().map(Resources.DeviceRule::line).toList());
            }
        } catch (LinuxException e) {
            throw change.refused(file, rules.toString(), e);
        }
    }

    @Override
    public CgroupStats stats() throws SandboxException {
        try {
            return read();
        } catch (LinuxException | NumberFormatException e) {
            throw new SandboxException(
                    exists() ? SandboxException.Kind.INTERNAL : SandboxException.Kind.NOT_FOUND,
                    "cannot read the usage of cgroup " + path + ": " + e.getMessage(),
                    e);
        }
    }

    private CgroupStats read() throws SandboxException, LinuxException {
        Path memory = require("memory");
        Map<String, Long> stat = CgroupFiles.keyed(memory.resolve("memory.stat"));
        long usage = Long.parseUnsignedLong(CgroupFiles.read(memory.resolve("memory.usage_in_bytes")));
        long limit = CgroupFiles.limit(memory.resolve("memory.limit_in_bytes"));
        long both = CgroupFiles.limit(memory.resolve("memory.memsw.limit_in_bytes"));
        Path pids = folder("pids");
        // Not memsw.usage - usage: those two count a page at different times.
        long swap = stat.getOrDefault("total_swap", -1L);
        return new CgroupStats(
                CgroupV2Group.now(),
                CgroupFiles.number(require("cpuacct").resolve("cpuacct.usage")),
                usage,
                Math.max(0, usage - stat.getOrDefault("total_inactive_file", 0L)),
                stat.getOrDefault("total_rss", 0L),
                stat.getOrDefault("total_pgfault", 0L),
                stat.getOrDefault("total_pgmajfault", 0L),
                limit,
                swap,
                both < 0 || limit < 0 ? -1 : Math.max(0, both - limit),
                pids == null ? 0 : CgroupFiles.number(pids.resolve("pids.current")),
                pids == null ? -1 : CgroupFiles.limit(pids.resolve("pids.max")),
                unified == null ? null : CgroupV2Group.pressure(unified.resolve("cpu.pressure")),
                unified == null ? null : CgroupV2Group.pressure(unified.resolve("memory.pressure")),
                unified == null ? null : CgroupV2Group.pressure(unified.resolve("io.pressure")));
    }

    @Override
    public CgroupCounters counters() throws SandboxException {
        try {
            return CgroupCounterFiles.v1(require("cpuacct"), folder("cpu"), require("memory"), folder("blkio"));
        } catch (LinuxException | NumberFormatException e) {
            throw new SandboxException(
                    exists() ? SandboxException.Kind.INTERNAL : SandboxException.Kind.NOT_FOUND,
                    "cannot read the counters of cgroup " + path + ": " + e.getMessage(),
                    e);
        }
    }

    @Override
    public long oomKills() {
        Path memory = folder("memory");
        try {
            return memory == null
                    ? 0
                    : CgroupFiles.key(memory.resolve("memory.oom_control"), "oom_kill")
                            .orElse(0);
        } catch (LinuxException e) {
            return 0;
        }
    }

    @Override
    public void kill() throws SandboxException {
        CgroupKill.kill(killFolder());
    }

    @Override
    public void freeze(boolean frozen) throws SandboxException {
        new CgroupChange(false).write(require("freezer").resolve("freezer.state"), frozen ? "FROZEN" : "THAWED");
    }

    @Override
    public void remove() throws SandboxException {
        List<Path> all = new ArrayList<>(folders);
        if (unified != null) {
            all.addFirst(unified);
        }
        CgroupKill.remove(path, all, killFolder());
    }
}
