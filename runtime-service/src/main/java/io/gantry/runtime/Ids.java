package io.gantry.runtime;

import io.gantry.cri.CriException;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Map;
import java.util.NavigableMap;
import org.jspecify.annotations.Nullable;

/** Identifiers of pods and containers: 64 lower-case hexadecimal digits, which users shorten to any unique prefix. */
final class Ids {
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final int BYTES = 32;

    private Ids() {}

    static String fresh() {
        byte[] bytes = new byte[BYTES];
        RANDOM.nextBytes(bytes);
        return HexFormat.of().formatHex(bytes);
    }

    /**
     * What {@code idOrPrefix} names among {@code known}, or null for nothing.
     *
     * @throws CriException INVALID if more than one id starts so
     */
    static <T> @Nullable T resolve(String kind, String idOrPrefix, NavigableMap<String, T> known) throws CriException {
        if (idOrPrefix.isEmpty()) {
            throw CriException.invalid(kind + " id is empty");
        }
        T exact = known.get(idOrPrefix);
        if (exact != null) {
            return exact;
        }
        Map.Entry<String, T> first = known.ceilingEntry(idOrPrefix);
        if (first == null || !first.getKey().startsWith(idOrPrefix)) {
            return null;
        }
        Map.Entry<String, T> second = known.higherEntry(first.getKey());
        if (second != null && second.getKey().startsWith(idOrPrefix)) {
            throw CriException.invalid(kind + " id " + idOrPrefix + " is ambiguous: it could be " + first.getKey()
                    + " or " + second.getKey() + " (give more digits)");
        }
        return first.getValue();
    }
}
