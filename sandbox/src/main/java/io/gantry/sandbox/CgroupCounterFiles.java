package io.gantry.sandbox;

import io.gantry.linux.LinuxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Where each version keeps its {@link CgroupCounters}. */
final class CgroupCounterFiles {
    private CgroupCounterFiles() {}

    static CgroupCounters v2(Path group) throws LinuxException {
        Map<String, Long> cpu = CgroupFiles.keyed(group.resolve("cpu.stat"));
        Map<String, Long> memory = CgroupFiles.keyed(group.resolve("memory.stat"));
        return new CgroupCounters(
                1000 * cpu.getOrDefault("user_usec", 0L),
                1000 * cpu.getOrDefault("system_usec", 0L),
                cpu.getOrDefault("nr_periods", 0L),
                cpu.getOrDefault("nr_throttled", 0L),
                1000 * cpu.getOrDefault("throttled_usec", 0L),
                memory.getOrDefault("file", 0L),
                memory.getOrDefault("file_mapped", 0L),
                memory.getOrDefault("kernel", 0L),
                // Since Linux 5.19.
                CgroupFiles.number(group.resolve("memory.peak")),
                CgroupFiles.key(group.resolve("memory.events"), "max").orElse(0),
                CgroupFiles.processes(group),
                ioStat(CgroupFiles.readIfExists(group.resolve("io.stat"))));
    }

    /**
     * Each is the group's folder in that controller's hierarchy, null where it is not mounted.
     */
    static CgroupCounters v1(Path cpuacct, @Nullable Path cpu, Path memory, @Nullable Path blkio)
            throws LinuxException {
        Map<String, Long> quota = cpu == null ? Map.of() : CgroupFiles.keyed(cpu.resolve("cpu.stat"));
        Map<String, Long> stat = CgroupFiles.keyed(memory.resolve("memory.stat"));
        return new CgroupCounters(
                CgroupFiles.number(cpuacct.resolve("cpuacct.usage_user")),
                CgroupFiles.number(cpuacct.resolve("cpuacct.usage_sys")),
                quota.getOrDefault("nr_periods", 0L),
                quota.getOrDefault("nr_throttled", 0L),
                quota.getOrDefault("throttled_time", 0L),
                stat.getOrDefault("total_cache", 0L),
                stat.getOrDefault("total_mapped_file", 0L),
                CgroupFiles.number(memory.resolve("memory.kmem.usage_in_bytes")),
                CgroupFiles.number(memory.resolve("memory.max_usage_in_bytes")),
                CgroupFiles.number(memory.resolve("memory.failcnt")),
                CgroupFiles.processes(memory),
                blkio == null
                        ? List.of()
                        : throttleStat(
                                CgroupFiles.readIfExists(blkio.resolve("blkio.throttle.io_service_bytes_recursive")),
                                CgroupFiles.readIfExists(blkio.resolve("blkio.throttle.io_serviced_recursive"))));
    }

    /** Lines of {@code 8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0}; a device of which nothing is told has its number only. */
    static List<CgroupCounters.DeviceIo> ioStat(@Nullable String text) {
        List<CgroupCounters.DeviceIo> devices = new ArrayList<>();
        for (String line : lines(text)) {
            String[] fields = line.split(" ", -1);
            Map<String, Long> values = new HashMap<>();
            for (int i = 1; i < fields.length; i++) {
                int equals = fields[i].indexOf('=');
                if (equals > 0) {
                    values.put(fields[i].substring(0, equals), Long.parseUnsignedLong(fields[i].substring(equals + 1)));
                }
            }
            int colon = fields[0].indexOf(':');
            if (colon > 0 && values.containsKey("rbytes")) {
                devices.add(new CgroupCounters.DeviceIo(
                        Integer.parseInt(fields[0].substring(0, colon)),
                        Integer.parseInt(fields[0].substring(colon + 1)),
                        values.getOrDefault("rbytes", 0L),
                        values.getOrDefault("wbytes", 0L),
                        values.getOrDefault("rios", 0L),
                        values.getOrDefault("wios", 0L)));
            }
        }
        return devices;
    }

    /** Version 1: lines of {@code 8:0 Read 4096}, bytes in one file and operations in the other; the last line is a total. */
    static List<CgroupCounters.DeviceIo> throttleStat(@Nullable String bytes, @Nullable String operations) {
        Map<String, Map<String, Long>> byDevice = new TreeMap<>();
        collect(byDevice, "bytes", bytes);
        collect(byDevice, "operations", operations);
        List<CgroupCounters.DeviceIo> devices = new ArrayList<>();
        byDevice.forEach((device, values) -> {
            int colon = device.indexOf(':');
            devices.add(new CgroupCounters.DeviceIo(
                    Integer.parseInt(device.substring(0, colon)),
                    Integer.parseInt(device.substring(colon + 1)),
                    values.getOrDefault("Read bytes", 0L),
                    values.getOrDefault("Write bytes", 0L),
                    values.getOrDefault("Read operations", 0L),
                    values.getOrDefault("Write operations", 0L)));
        });
        return devices;
    }

    private static void collect(Map<String, Map<String, Long>> byDevice, String kind, @Nullable String text) {
        for (String line : lines(text)) {
            String[] fields = line.split(" ", -1);
            if (fields.length == 3 && fields[0].indexOf(':') > 0) {
                byDevice.computeIfAbsent(fields[0], key -> new HashMap<>())
                        .put(fields[1] + " " + kind, Long.parseUnsignedLong(fields[2]));
            }
        }
    }

    private static List<String> lines(@Nullable String text) {
        return text == null ? List.of() : text.lines().toList();
    }
}
