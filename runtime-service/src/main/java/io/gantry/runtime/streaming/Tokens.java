package io.gantry.runtime.streaming;

import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Addresses that were given out and not used yet. Each is good for one use within a minute, as in Kubernetes' reference server. */
final class Tokens {
    static final int MAX_PENDING = 1000;
    static final Duration LIFETIME = Duration.ofMinutes(1);

    private static final SecureRandom RANDOM = new SecureRandom();
    private static final int BYTES = 16;

    private record Pending(Target target, long expires) {}

    private final LongSupplier nanoTime;

    /** The oldest first. */
    private final Map<String, Pending> pending = new LinkedHashMap<>();

    Tokens(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** A fresh token; null if too many wait to be used. */
    synchronized @Nullable String add(Target target) {
        long now = nanoTime.getAsLong();
        Iterator<Pending> oldest = pending.values().iterator();
        while (oldest.hasNext() && oldest.next().expires - now <= 0) {
            oldest.remove();
        }
        if (pending.size() >= MAX_PENDING) {
            return null;
        }
        byte[] bytes = new byte[BYTES];
        RANDOM.nextBytes(bytes);
        String token = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
        pending.put(token, new Pending(target, now + LIFETIME.toNanos()));
        return token;
    }

    /** What the token was given out for; null if it is unknown, used, too old or of another path. */
    synchronized @Nullable Target take(String path, String token) {
        Pending found = pending.get(token);
        if (found == null || !found.target.path().equals(path)) {
            return null;
        }
        pending.remove(token);
        return found.expires - nanoTime.getAsLong() > 0 ? found.target : null;
    }
}
