package io.gantry.runtime;

import io.gantry.cri.v1.NetworkInterfaceUsage;
import io.gantry.cri.v1.NetworkUsage;
import io.gantry.cri.v1.UInt64Value;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What went over a pod's network interfaces: /proc/PID/net/dev of one of its processes, which needs no entering of its namespace. */
final class InterfaceCounters {
    /** The name that CNI gives the pod's own interface. */
    static final String DEFAULT_INTERFACE = "eth0";

    private InterfaceCounters() {}

    /** Empty if the process is gone. Loopback is left out. */
    static Optional<NetworkUsage> of(long pid, long timestampNanos) {
        try {
            return Optional.of(
                    parse(Files.readAllLines(Path.of("/proc", Long.toString(pid), "net/dev")), timestampNanos));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /**
     * Reads the lines of net/dev: two of headings, then "NAME: BYTES PACKETS ERRORS DROPPED ..." with eight numbers received and
     * eight sent.
     */
    static NetworkUsage parse(List<String> lines, long timestampNanos) {
        NetworkUsage.Builder usage = NetworkUsage.newBuilder().setTimestamp(timestampNanos);
        for (String line : lines.subList(Math.min(2, lines.size()), lines.size())) {
            int colon = line.indexOf(':');
            String[] numbers = line.substring(colon + 1).strip().split("\\s+", -1);
            if (colon < 0 || numbers.length < 16) {
                continue;
            }
            NetworkInterfaceUsage each = NetworkInterfaceUsage.newBuilder()
                    .setName(line.substring(0, colon).strip())
                    .setRxBytes(value(numbers[0]))
                    .setRxErrors(value(numbers[2]))
                    .setTxBytes(value(numbers[8]))
                    .setTxErrors(value(numbers[10]))
                    .build();
            if (each.getName().equals(DEFAULT_INTERFACE)) {
                usage.setDefaultInterface(each);
            } else if (!each.getName().equals("lo")) {
                usage.addInterfaces(each);
            }
        }
        return usage.build();
    }

    private static UInt64Value value(String number) {
        return UInt64Value.newBuilder().setValue(Long.parseUnsignedLong(number)).build();
    }
}
