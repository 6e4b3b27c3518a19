package io.gantry.image.tar;

import org.jspecify.annotations.Nullable;

/** Seconds since the epoch and 0 to 999 999 999 nanoseconds. */
record Timestamp(long seconds, int nanos) {
    /** Reads PAX' decimal seconds, of which digits beyond nanoseconds are dropped. */
    static Timestamp parse(@Nullable String pax, long otherwise) throws TarFormatException {
        if (pax == null) {
            return new Timestamp(otherwise, 0);
        }
        int dot = pax.indexOf('.');
        String whole = dot < 0 ? pax : pax.substring(0, dot);
        String fraction = dot < 0 ? "" : pax.substring(dot + 1);
        try {
            long seconds = whole.isEmpty() || whole.equals("-") ? 0 : Long.parseLong(whole);
            int nanos = fraction.isEmpty() ? 0 : Integer.parseInt((fraction + "000000000").substring(0, 9));
            if (nanos >= 0) {
                return pax.startsWith("-") && nanos > 0
                        ? new Timestamp(seconds - 1, 1_000_000_000 - nanos)
                        : new Timestamp(seconds, nanos);
            }
        } catch (NumberFormatException e) {
            // Told below.
        }
        throw new TarFormatException("the time \"" + pax + "\" in a PAX header is not valid");
    }
}
