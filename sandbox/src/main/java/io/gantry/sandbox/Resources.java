package io.gantry.sandbox;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Limits of a cgroup. Zero or empty leaves a limit as it is. Made by {@link #builder}.
 *
 * @param cpuShares 2 to 262144, in the manner of cgroup v1
 * @param cpuQuota microseconds per period; -1 is no limit
 * @param cpuPeriod microseconds, 1000 to 1 000 000
 * @param memoryLimit bytes; -1 is no limit
 * @param memorySwapLimit bytes of memory and swap together; -1 is no limit
 * @param pidsLimit processes and threads; -1 is no limit
 * @param cpusetCpus such as {@code 0-3,6}
 * @param cpusetMems NUMA nodes
 * @param hugepages page size such as {@code 2MB}, to bytes; 0 forbids them where the kernel can
 * @param unified file name to content, on version 2 only
 * @param devices allowed devices, all others are denied; null leaves them as they are. On version 2 only a new group takes them
 */
public record Resources(
        long cpuShares,
        long cpuQuota,
        long cpuPeriod,
        long memoryLimit,
        long memorySwapLimit,
        long pidsLimit,
        String cpusetCpus,
        String cpusetMems,
        Map<String, Long> hugepages,
        Map<String, String> unified,
        @Nullable List<DeviceRule> devices) {
    /** Changes nothing. */
    public static final Resources NONE = new Resources(0, 0, 0, 0, 0, 0, "", "", Map.of(), Map.of(), null);

    /**
     * A kind of device that may be used.
     *
     * @param type {@code a} for all, {@code c} or {@code b}
     * @param major -1 for any
     * @param minor -1 for any
     * @param access of {@code r}, {@code w} and {@code m} (make a node)
     */
    public record DeviceRule(char type, int major, int minor, String access) {
        /** Every device in every way: for a privileged container. */
        public static final DeviceRule ALL = new DeviceRule('a', -1, -1, "rwm");

        String line() {
            return type + " " + (major < 0 ? "*" : major) + ":" + (minor < 0 ? "*" : minor) + " " + access;
        }
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Collects {@link Resources}. */
    public static final class Builder {
        private long cpuShares;
        private long cpuQuota;
        private long cpuPeriod;
        private long memoryLimit;
        private long memorySwapLimit;
        private long pidsLimit;
        private String cpusetCpus = "";
        private String cpusetMems = "";
        private Map<String, Long> hugepages = Map.of();
        private Map<String, String> unified = Map.of();
        private @Nullable List<DeviceRule> devices;

        private Builder() {}

        public Builder cpuShares(long value) {
            cpuShares = value;
            return this;
        }

        public Builder cpuQuota(long value) {
            cpuQuota = value;
            return this;
        }

        public Builder cpuPeriod(long value) {
            cpuPeriod = value;
            return this;
        }

        public Builder memoryLimit(long value) {
            memoryLimit = value;
            return this;
        }

        public Builder memorySwapLimit(long value) {
            memorySwapLimit = value;
            return this;
        }

        public Builder pidsLimit(long value) {
            pidsLimit = value;
            return this;
        }

        public Builder cpusetCpus(String value) {
            cpusetCpus = value;
            return this;
        }

        public Builder cpusetMems(String value) {
            cpusetMems = value;
            return this;
        }

        public Builder hugepages(Map<String, Long> value) {
            hugepages = Map.copyOf(value);
            return this;
        }

        public Builder unified(Map<String, String> value) {
            unified = Map.copyOf(value);
            return this;
        }

        public Builder devices(@Nullable List<DeviceRule> value) {
            devices = value == null ? null : List.copyOf(value);
            return this;
        }

        public Resources build() {
            return new Resources(
                    cpuShares,
                    cpuQuota,
                    cpuPeriod,
                    memoryLimit,
                    memorySwapLimit,
                    pidsLimit,
                    cpusetCpus,
                    cpusetMems,
                    hugepages,
                    unified,
                    devices);
        }
    }
}
