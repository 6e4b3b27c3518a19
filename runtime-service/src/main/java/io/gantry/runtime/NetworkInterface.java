package io.gantry.runtime;

import java.util.ArrayList;
import java.util.List;

/** What went through a network interface, as /proc/net/dev tells it. */
record NetworkInterface(
        String name,
        long rxBytes,
        long rxPackets,
        long rxErrors,
        long rxDropped,
        long txBytes,
        long txPackets,
        long txErrors,
        long txDropped) {
    /** Columns after the name. */
    private static final int FIELDS = 16;

    /** All interfaces of a net/dev file but the loopback, in its order. */
    static List<NetworkInterface> parse(String netDev) {
        List<NetworkInterface> interfaces = new ArrayList<>();
        for (String line : netDev.lines().toList()) {
            // A name may have colons in it, of an alias; the values have none.
            int colon = line.lastIndexOf(':');
            if (colon < 0) {
                continue;
            }
            String name = line.substring(0, colon).strip();
            String[] fields = line.substring(colon + 1).strip().split("\\s+", -1);
            if (name.equals("lo") || fields.length < FIELDS) {
                continue;
            }
            interfaces.add(new NetworkInterface(
                    name,
                    Long.parseUnsignedLong(fields[0]),
                    Long.parseUnsignedLong(fields[1]),
                    Long.parseUnsignedLong(fields[2]),
                    Long.parseUnsignedLong(fields[3]),
                    Long.parseUnsignedLong(fields[8]),
                    Long.parseUnsignedLong(fields[9]),
                    Long.parseUnsignedLong(fields[10]),
                    Long.parseUnsignedLong(fields[11])));
        }
        return interfaces;
    }
}
