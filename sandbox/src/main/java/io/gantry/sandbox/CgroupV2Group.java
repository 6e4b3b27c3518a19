package io.gantry.sandbox;

import io.gantry.linux.CgroupBpf;
import io.gantry.linux.Errno;
import io.gantry.linux.LinuxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** A group of version 2. */
final class CgroupV2Group implements Cgroup {
    /** No word about swap. */
    static final long SWAP_UNSET = Long.MIN_VALUE;

    private final Path mount;
    private final String path;
    private final Path folder;

    CgroupV2Group(Path mount, String path) {
        this.mount = mount;
        this.path = path;
        this.folder = mount.resolve(path);
    }

    Path folder() {
        return folder;
    }

    @Override
    public String path() {
        return path;
    }

    @Override
    public CgroupPlacement placement() {
        List<CgroupPlacement.OomCounter> counters = new ArrayList<>();
        counters.add(new CgroupPlacement.OomCounter(folder.resolve("memory.events"), "oom_kill"));
        Path parent = folder.getParent();
        if (parent != null && !folder.equals(mount) && !parent.equals(mount)) {
            // Counts its children too, and stays when systemd removes the scope with the last process.
            counters.add(new CgroupPlacement.OomCounter(parent.resolve("memory.events"), "oom_kill"));
        }
        return new CgroupPlacement(List.of(new CgroupJoin(2, folder)), List.of(folder), counters, folder);
    }

    @Override
    public boolean exists() {
        return Files.exists(folder);
    }

    @Override
    public void update(Resources resources) throws SandboxException {
        apply(resources, new CgroupChange(true));
    }

    void apply(Resources resources, CgroupChange change) throws SandboxException {
        applyMemory(resources, change);
        if (resources.cpuShares() != 0) {
            change.write(folder.resolve("cpu.weight"), Long.toString(weight(resources.cpuShares())));
        }
        if (resources.cpuQuota() != 0 || resources.cpuPeriod() != 0) {
            String quota = resources.cpuQuota() > 0 ? Long.toString(resources.cpuQuota()) : "max";
            change.write(
                    folder.resolve("cpu.max"),
                    resources.cpuPeriod() == 0 ? quota : quota + " " + resources.cpuPeriod());
        }
        if (!resources.cpusetCpus().isEmpty()) {
            change.write(folder.resolve("cpuset.cpus"), resources.cpusetCpus());
        }
        if (!resources.cpusetMems().isEmpty()) {
            change.write(folder.resolve("cpuset.mems"), resources.cpusetMems());
        }
        if (resources.pidsLimit() != 0) {
            change.write(folder.resolve("pids.max"), maxOr(resources.pidsLimit()));
        }
        for (Map.Entry<String, Long> limit : resources.hugepages().entrySet()) {
            applyHugepages(folder, limit.getKey(), limit.getValue(), change);
        }
        for (Map.Entry<String, String> entry : resources.unified().entrySet()) {
            String file = entry.getKey();
            if (!file.matches("[a-z0-9]+(\\.[A-Za-z0-9_]+)+")) {
                throw new SandboxException(
                        SandboxException.Kind.INVALID, "'" + file + "' is not the name of a cgroup file");
            }
            change.write(folder.resolve(file), entry.getValue());
        }
    }

    /** For a new group: a program cannot be put in another's place without knowing that, so an update leaves devices alone. */
    void restrictDevices(Resources resources) throws SandboxException {
        List<Resources.DeviceRule> rules = resources.devices();
        if (rules == null || rules.contains(Resources.DeviceRule.ALL)) {
            return;
        }
        try {
            CgroupBpf.attachDeviceProgram(folder, DeviceProgram.compile(rules));
        } catch (LinuxException e) {
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL,
                    "cannot restrict the devices of cgroup " + path + ": " + e.getMessage(),
                    e);
        }
    }

    private void applyMemory(Resources resources, CgroupChange change) throws SandboxException {
        long memory = resources.memoryLimit();
        Path swapFile = folder.resolve("memory.swap.max");
        long swap = swapLimit(resources);
        if (swap != SWAP_UNSET && Files.exists(swapFile)) {
            if (swap < -1) {
                throw new SandboxException(
                        SandboxException.Kind.INVALID,
                        "cgroup " + path + ": a limit of memory and swap of " + resources.memorySwapLimit()
                                + " with a memory limit of " + memory);
            }
            change.write(swapFile, maxOr(swap));
        }
        if (memory != 0) {
            change.write(folder.resolve("memory.max"), maxOr(memory));
        }
    }

    /** The limit of swap alone, which is counted with memory in the CRI: {@link #SWAP_UNSET}, -1 for none, less than that for nonsense. */
    static long swapLimit(Resources resources) {
        long memory = resources.memoryLimit();
        long both = resources.memorySwapLimit();
        if (both == 0) {
            return memory == -1 ? -1 : SWAP_UNSET;
        }
        if (both == -1) {
            return -1;
        }
        return memory <= 0 || both < memory ? -2 : both - memory;
    }

    static void applyHugepages(Path folder, String size, long bytes, CgroupChange change) throws SandboxException {
        checkPageSize(size);
        Path file = folder.resolve("hugetlb." + size + ".max");
        if (bytes == 0 && !Files.exists(file)) {
            return;
        }
        change.write(file, Long.toString(bytes));
        Path reserved = folder.resolve("hugetlb." + size + ".rsvd.max");
        if (Files.exists(reserved)) {
            change.write(reserved, Long.toString(bytes));
        }
    }

    static void checkPageSize(String size) throws SandboxException {
        if (!size.matches("[0-9]+[KMG]B")) {
            throw new SandboxException(SandboxException.Kind.INVALID, "'" + size + "' is not a size of huge pages");
        }
    }

    static String maxOr(long limit) {
        return limit < 0 ? "max" : Long.toString(limit);
    }

    /** cpu.weight from cpu.shares so that the defaults 1024 and 100 meet, and the ends 2 and 262144 go to 1 and 10000; as runc does since 1.3.2. */
    static long weight(long shares) {
        if (shares <= 2) {
            return 1;
        }
        if (shares >= 262_144) {
            return 10_000;
        }
        double log = Math.log((double) shares) / Math.log(2);
        double exponent = (log * log + 125 * log) / 612.0 - 7.0 / 34.0;
        return (long) Math.ceil(Math.pow(10, exponent));
    }

    @Override
    public CgroupStats stats() throws SandboxException {
        try {
            Map<String, Long> stat = CgroupFiles.keyed(folder.resolve("memory.stat"));
            long usage = CgroupFiles.number(folder.resolve("memory.current"));
            return new CgroupStats(
                    now(),
                    1000 * cpuMicros(),
                    usage,
                    Math.max(0, usage - stat.getOrDefault("inactive_file", 0L)),
                    stat.getOrDefault("anon", 0L),
                    stat.getOrDefault("pgfault", 0L),
                    stat.getOrDefault("pgmajfault", 0L),
                    CgroupFiles.limit(folder.resolve("memory.max")),
                    CgroupFiles.limit(folder.resolve("memory.swap.current")),
                    CgroupFiles.limit(folder.resolve("memory.swap.max")),
                    CgroupFiles.number(folder.resolve("pids.current")),
                    CgroupFiles.limit(folder.resolve("pids.max")),
                    pressure(folder.resolve("cpu.pressure")),
                    pressure(folder.resolve("memory.pressure")),
                    pressure(folder.resolve("io.pressure")));
        } catch (LinuxException | NumberFormatException e) {
            throw new SandboxException(
                    exists() ? SandboxException.Kind.INTERNAL : SandboxException.Kind.NOT_FOUND,
                    "cannot read the usage of cgroup " + path + ": " + e.getMessage(),
                    e);
        }
    }

    /** cpu.stat is in every group, so its absence tells that the group is gone. */
    private long cpuMicros() throws LinuxException {
        OptionalLong micros = CgroupFiles.key(folder.resolve("cpu.stat"), "usage_usec");
        if (micros.isEmpty()) {
            throw new LinuxException("open", folder + "/cpu.stat", Errno.ENOENT);
        }
        return micros.getAsLong();
    }

    static long now() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }

    /** Two lines of {@code some avg10=0.00 avg60=0.00 avg300=0.00 total=0}; null if the kernel does not tell. */
    static CgroupStats.@Nullable Pressure pressure(Path file) throws LinuxException {
        String text = CgroupFiles.readIfExists(file);
        if (text == null || text.isEmpty()) {
            return null;
        }
        CgroupStats.Line some = new CgroupStats.Line(0, 0, 0, 0);
        CgroupStats.Line full = some;
        for (String line : text.split("\n", -1)) {
            String[] fields = line.split("[ =]", -1);
            if (fields.length == 9) {
                CgroupStats.Line parsed = new CgroupStats.Line(
                        Double.parseDouble(fields[2]),
                        Double.parseDouble(fields[4]),
                        Double.parseDouble(fields[6]),
                        Long.parseLong(fields[8]));
                if (fields[0].equals("some")) {
                    some = parsed;
                } else {
                    full = parsed;
                }
            }
        }
        return new CgroupStats.Pressure(some, full);
    }

    @Override
    public CgroupCounters counters() throws SandboxException {
        try {
            return CgroupCounterFiles.v2(folder);
        } catch (LinuxException | NumberFormatException e) {
            throw new SandboxException(
                    exists() ? SandboxException.Kind.INTERNAL : SandboxException.Kind.NOT_FOUND,
                    "cannot read the counters of cgroup " + path + ": " + e.getMessage(),
                    e);
        }
    }

    @Override
    public long oomKills() {
        try {
            return CgroupFiles.key(folder.resolve("memory.events"), "oom_kill").orElse(0);
        } catch (LinuxException e) {
            return 0;
        }
    }

    @Override
    public void kill() throws SandboxException {
        CgroupKill.kill(folder);
    }

    @Override
    public void freeze(boolean frozen) throws SandboxException {
        new CgroupChange(false).write(folder.resolve("cgroup.freeze"), frozen ? "1" : "0");
    }

    @Override
    public void remove() throws SandboxException {
        CgroupKill.remove(path, List.of(folder), folder);
    }
}
