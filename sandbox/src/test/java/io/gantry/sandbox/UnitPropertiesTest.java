package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.sandbox.dbus.Value;
import io.gantry.sandbox.dbus.Value.Property;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What systemd is told, property by property. */
class UnitPropertiesTest {
    private static List<String> lines(List<Property> properties) {
        return properties.stream()
                .map(property -> property.name() + "=" + text(property.value()))
                .toList();
    }

    private static String text(Value value) {
        return switch (value) {
            case Value.Text(String text) -> text;
            case Value.Flag(boolean flag) -> flag ? "yes" : "no";
            case Value.Unsigned(long number) -> number == -1 ? "infinity" : Long.toUnsignedString(number);
            case Value.Signed(int number) -> Integer.toString(number);
            case Value.Texts(var texts) -> texts.toString();
            case Value.Numbers(var numbers) -> numbers.toString();
            case Value.Bytes(var octets) -> octets.toString();
            case Value.Properties _, Value.NoUnits _ -> "?";
        };
    }

    @Test
    void theScopeOfAContainer() {
        Resources resources = Resources.builder()
                .cpuShares(1024)
                .cpuQuota(20_000)
                .cpuPeriod(50_000)
                .memoryLimit(1000)
                .memorySwapLimit(1500)
                .cpusetCpus("0-2,9")
                .cpusetMems("1")
                .hugepages(Map.of("2MB", 0L))
                .unified(Map.of("memory.oom.group", "1"))
                .build();
        assertThat(lines(UnitProperties.scope(
                        "gantry-c.scope", "kubepods-podx.slice", new FirstProcess(17, "gantry-p.scope"), resources)))
                .containsExactly(
                        "Description=gantry gantry-c.scope",
                        "Slice=kubepods-podx.slice",
                        "Delegate=yes",
                        "PIDs=[17]",
                        "CollectMode=inactive-or-failed",
                        "CPUAccounting=yes",
                        "MemoryAccounting=yes",
                        "IOAccounting=yes",
                        "TasksAccounting=yes",
                        "After=[gantry-p.scope]",
                        "TimeoutStopUSec=30000000",
                        "TasksMax=infinity",
                        "MemoryMax=1000",
                        "MemorySwapMax=500",
                        "CPUWeight=100",
                        "CPUQuotaPeriodUSec=50000",
                        "CPUQuotaPerSecUSec=400000",
                        "AllowedCPUs=[7, 2]",
                        "AllowedMemoryNodes=[2]");
    }

    @Test
    void theScopeOfAPod() {
        assertThat(lines(UnitProperties.scope("gantry-p.scope", "-.slice", new FirstProcess(1, ""), Resources.NONE)))
                .containsExactly(
                        "Description=gantry gantry-p.scope",
                        "Slice=-.slice",
                        "Delegate=yes",
                        "PIDs=[1]",
                        "CollectMode=inactive-or-failed",
                        "CPUAccounting=yes",
                        "MemoryAccounting=yes",
                        "IOAccounting=yes",
                        "TasksAccounting=yes",
                        "KillSignal=9",
                        "TasksMax=infinity");
    }

    private static List<String> limits(Resources.Builder resources) {
        return lines(UnitProperties.limits(resources.build()));
    }

    @Test
    void whatIsNotGivenStays() {
        assertThat(UnitProperties.limits(Resources.NONE)).isEmpty();
        assertThat(limits(Resources.builder().cpusetCpus("3"))).containsExactly("AllowedCPUs=[8]");
        assertThat(limits(Resources.builder().memoryLimit(10))).containsExactly("MemoryMax=10");
    }

    @Test
    void noLimits() {
        assertThat(limits(Resources.builder().memoryLimit(-1).pidsLimit(-1)))
                .containsExactly("MemoryMax=infinity", "MemorySwapMax=infinity", "TasksMax=infinity");
        assertThat(limits(Resources.builder().cpuPeriod(100_000)))
                .containsExactly("CPUQuotaPeriodUSec=100000", "CPUQuotaPerSecUSec=infinity");
        assertThat(limits(Resources.builder().cpuQuota(-1))).containsExactly("CPUQuotaPerSecUSec=infinity");
        assertThat(limits(Resources.builder().memoryLimit(10).memorySwapLimit(10)))
                .containsExactly("MemoryMax=10", "MemorySwapMax=0");
    }

    @Test
    void aQuotaIsRoundedUpToWholePercents() {
        assertThat(limits(Resources.builder().cpuQuota(1500).cpuPeriod(100_000)))
                .containsExactly("CPUQuotaPeriodUSec=100000", "CPUQuotaPerSecUSec=20000");
        assertThat(limits(Resources.builder().cpuQuota(50_000))).containsExactly("CPUQuotaPerSecUSec=500000");
        assertThat(limits(Resources.builder().cpuQuota(Long.MAX_VALUE)).getFirst())
                .startsWith("CPUQuotaPerSecUSec=92233720368547");
    }

    @Test
    void unifiedFilesThatSystemdKnows() {
        Map<String, String> expected = Map.ofEntries(
                Map.entry("memory.min", "MemoryMin=4096"),
                Map.entry("memory.low", "MemoryLow=4096"),
                Map.entry("memory.high", "MemoryHigh=4096"),
                Map.entry("memory.max", "MemoryMax=4096"),
                Map.entry("memory.swap.max", "MemorySwapMax=4096"),
                Map.entry("pids.max", "TasksMax=4096"),
                Map.entry("cpu.weight", "CPUWeight=4096"),
                Map.entry("io.weight", "IOWeight=4096"));
        expected.forEach((file, property) -> assertThat(
                        limits(Resources.builder().unified(Map.of(file, "4096\n"))))
                .containsExactly(property));
        assertThat(limits(Resources.builder().unified(Map.of("memory.high", "max"))))
                .containsExactly("MemoryHigh=infinity");
        assertThat(limits(Resources.builder().unified(Map.of("cpu.max", "max 50000"))))
                .containsExactly("CPUQuotaPeriodUSec=50000", "CPUQuotaPerSecUSec=infinity");
        assertThat(limits(Resources.builder().unified(Map.of("cpuset.cpus", "1,8"))))
                .containsExactly("AllowedCPUs=[2, 1]");
        // The kernel refuses the first; of the others systemd knows nothing.
        for (String file : List.of("memory.high", "memory.oom.group", "hugetlb.2MB.max", "io.max", "misc.max")) {
            assertThat(limits(Resources.builder().unified(Map.of(file, "nonsense"))))
                    .as(file)
                    .isEmpty();
        }
    }

    @Test
    void unifiedWinsOverTheField() {
        assertThat(limits(Resources.builder().memoryLimit(10).unified(Map.of("memory.max", "20"))))
                .containsExactly("MemoryMax=20");
    }
}
