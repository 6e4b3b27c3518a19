package io.gantry.cni;

import java.net.Inet6Address;
import java.net.InetAddress;

/** Addresses as text. The JDK writes out every zero of IPv6. */
final class IpText {
    private static final int GROUPS = 8;

    private IpText() {}

    /** The canonical form: lower case, and the first longest run of two or more zero groups as {@code ::} (RFC 5952, section 4). */
    static String of(InetAddress address) {
        if (!(address instanceof Inet6Address)) {
            return address.getHostAddress();
        }
        int[] groups = groups(address.getAddress());
        int runStart = -1;
        int runLength = 1;
        for (int start = 0; start < GROUPS; start++) {
            int end = start;
            while (end < GROUPS && groups[end] == 0) {
                end++;
            }
            if (end - start > runLength) {
                runStart = start;
                runLength = end - start;
            }
        }
        if (runStart < 0) {
            return joined(groups, 0, GROUPS);
        }
        return joined(groups, 0, runStart) + "::" + joined(groups, runStart + runLength, GROUPS);
    }

    private static int[] groups(byte[] bytes) {
        int[] groups = new int[GROUPS];
        for (int i = 0; i < GROUPS; i++) {
            groups[i] = (bytes[2 * i] & 0xff) << 8 | (bytes[2 * i + 1] & 0xff);
        }
        return groups;
    }

    private static String joined(int[] groups, int from, int to) {
        StringBuilder text = new StringBuilder();
        for (int i = from; i < to; i++) {
            text.append(i > from ? ":" : "").append(Integer.toHexString(groups[i]));
        }
        return text.toString();
    }
}
