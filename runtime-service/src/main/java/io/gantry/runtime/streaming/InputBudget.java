package io.gantry.runtime.streaming;

import java.util.concurrent.atomic.AtomicLong;

/** How much input waits for processes that do not take it, on all connections together. */
final class InputBudget {
    /** Above it no queue grows beyond {@link InputQueue#LITTLE}. */
    private static final long ALL = 16 << 20;

    private final AtomicLong held = new AtomicLong();

    void add(long bytes) {
        held.addAndGet(bytes);
    }

    boolean isTight() {
        return held.get() > ALL;
    }

    /** In bytes, with what it costs to hold them. */
    long held() {
        return held.get();
    }
}
