package io.gantry.sandbox;

import io.gantry.sandbox.dbus.Value;
import io.gantry.sandbox.dbus.Value.Property;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Limits as properties of a systemd unit (systemd.resource-control(5)). Systemd writes the files that it knows anew whenever it likes, as after daemon-reload, so it must know the
 * same limits that the files have. What it has no property for stays with the files alone.
 */
final class UnitProperties {
    private static final long INFINITY = -1;
    private static final long DEFAULT_PERIOD = 100_000;
    private static final long MICROS_PER_SECOND = 1_000_000;
    private static final int SIGKILL = 9;
    /** Kubernetes' own grace period. */
    private static final long STOP_MICROS = 30 * MICROS_PER_SECOND;
    /** Systemd keeps the quota as whole percents in the unit's file; less must not come back from there than was wanted. */
    private static final long PERCENT = MICROS_PER_SECOND / 100;

    private UnitProperties() {}

    /** Of a new scope. */
    static List<Property> scope(String unit, String slice, FirstProcess first, Resources resources) {
        List<Property> properties = new ArrayList<>(List.of(
                text("Description", "gantry " + unit),
                text("Slice", slice),
                flag("Delegate", true),
                new Property("PIDs", new Value.Numbers(List.of((int) first.pid()))),
                // A scope that failed goes like any other.
                text("CollectMode", "inactive-or-failed"),
                flag("CPUAccounting", true),
                flag("MemoryAccounting", true),
                flag("IOAccounting", true),
                flag("TasksAccounting", true)));
        if (first.podLeaf().isEmpty()) {
            // A shim ends by nothing less, and the machine must not wait for it when it goes down.
            properties.add(new Property("KillSignal", new Value.Signed(SIGKILL)));
        } else {
            // When the machine goes down: SIGTERM, then SIGKILL; the shim is ended later, since it takes its containers
            // along.
            properties.add(new Property("After", new Value.Texts(List.of(first.podLeaf()))));
            properties.add(new Property("TimeoutStopUSec", new Value.Unsigned(STOP_MICROS)));
        }
        Map<String, Value> limits = new LinkedHashMap<>();
        // The default is 15 % of what the machine can, for no reason that a container would know.
        limits.put("TasksMax", new Value.Unsigned(INFINITY));
        addLimits(limits, resources);
        properties.addAll(properties(limits));
        return properties;
    }

    /** Of a change. */
    static List<Property> limits(Resources resources) {
        Map<String, Value> limits = new LinkedHashMap<>();
        addLimits(limits, resources);
        return properties(limits);
    }

    private static List<Property> properties(Map<String, Value> values) {
        return values.entrySet().stream()
                .map(entry -> new Property(entry.getKey(), entry.getValue()))
                .toList();
    }

    private static void addLimits(Map<String, Value> limits, Resources resources) {
        if (resources.memoryLimit() != 0) {
            limits.put("MemoryMax", new Value.Unsigned(resources.memoryLimit()));
        }
        long swap = CgroupV2Group.swapLimit(resources);
        if (swap != CgroupV2Group.SWAP_UNSET) {
            limits.put("MemorySwapMax", new Value.Unsigned(swap));
        }
        if (resources.cpuShares() != 0) {
            limits.put("CPUWeight", new Value.Unsigned(CgroupV2Group.weight(resources.cpuShares())));
        }
        if (resources.cpuQuota() != 0 || resources.cpuPeriod() != 0) {
            addQuota(limits, resources.cpuQuota(), resources.cpuPeriod());
        }
        if (resources.pidsLimit() != 0) {
            limits.put("TasksMax", new Value.Unsigned(resources.pidsLimit()));
        }
        addSet(limits, "AllowedCPUs", resources.cpusetCpus());
        addSet(limits, "AllowedMemoryNodes", resources.cpusetMems());
        resources.unified().forEach((file, value) -> addUnified(limits, file, value.strip()));
    }

    private static void addQuota(Map<String, Value> limits, long quota, long period) {
        if (period != 0) {
            limits.put("CPUQuotaPeriodUSec", new Value.Unsigned(period));
        }
        if (quota <= 0) {
            limits.put("CPUQuotaPerSecUSec", new Value.Unsigned(INFINITY));
            return;
        }
        long perSecond = Math.multiplyHigh(quota, MICROS_PER_SECOND) != 0
                ? Long.MAX_VALUE - PERCENT
                : quota * MICROS_PER_SECOND / (period == 0 ? DEFAULT_PERIOD : period);
        limits.put("CPUQuotaPerSecUSec", new Value.Unsigned((perSecond + PERCENT - 1) / PERCENT * PERCENT));
    }

    private static void addSet(Map<String, Value> limits, String property, String list) {
        if (!list.isEmpty()) {
            List<Byte> bytes = new ArrayList<>();
            for (byte octet : bits(list).toByteArray()) {
                bytes.add(octet);
            }
            limits.put(property, new Value.Bytes(bytes));
        }
    }

    /** A list such as {@code 0-2,7}. What is not one sets nothing: the file is written too, and the kernel says what is wrong. */
    private static BitSet bits(String list) {
        BitSet bits = new BitSet();
        for (String part : list.strip().split(",", -1)) {
            if (part.matches("[0-9]{1,5}")) {
                bits.set(Integer.parseInt(part));
            } else if (part.matches("[0-9]{1,5}-[0-9]{1,5}")) {
                int dash = part.indexOf('-');
                int first = Integer.parseInt(part.substring(0, dash));
                int last = Integer.parseInt(part.substring(dash + 1));
                bits.set(first, Math.max(first, last + 1));
            }
        }
        return bits;
    }

    private static void addUnified(Map<String, Value> limits, String file, String value) {
        switch (file) {
            case "memory.min" -> addNumber(limits, "MemoryMin", value);
            case "memory.low" -> addNumber(limits, "MemoryLow", value);
            case "memory.high" -> addNumber(limits, "MemoryHigh", value);
            case "memory.max" -> addNumber(limits, "MemoryMax", value);
            case "memory.swap.max" -> addNumber(limits, "MemorySwapMax", value);
            case "pids.max" -> addNumber(limits, "TasksMax", value);
            case "cpu.weight" -> addNumber(limits, "CPUWeight", value);
            case "io.weight" -> addNumber(limits, "IOWeight", value.replaceFirst("^default ", ""));
            case "cpuset.cpus" -> addSet(limits, "AllowedCPUs", value);
            case "cpuset.mems" -> addSet(limits, "AllowedMemoryNodes", value);
            case "cpu.max" -> {
                String[] fields = value.split("\\s+", -1);
                long quota = fields[0].equals("max") ? INFINITY : number(fields[0]);
                addQuota(limits, quota, fields.length > 1 ? number(fields[1]) : DEFAULT_PERIOD);
            }
            default -> {
                // Systemd has no property for it, and leaves such a file alone, but for memory.oom.group: see
                // SystemdGroup.
            }
        }
    }

    private static void addNumber(Map<String, Value> limits, String property, String value) {
        if (value.equals("max")) {
            limits.put(property, new Value.Unsigned(INFINITY));
        } else if (value.matches("[0-9]{1,18}")) {
            limits.put(property, new Value.Unsigned(number(value)));
        }
    }

    private static long number(String text) {
        return text.matches("[0-9]{1,18}") ? Long.parseLong(text) : 0;
    }

    private static Property text(String name, String value) {
        return new Property(name, new Value.Text(value));
    }

    private static Property flag(String name, boolean value) {
        return new Property(name, new Value.Flag(value));
    }
}
