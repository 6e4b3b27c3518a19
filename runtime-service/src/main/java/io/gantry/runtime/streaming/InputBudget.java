package io.gantry.runtime.streaming;

import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;

/** How much input waits for processes that do not take it, on all connections together. */
final class InputBudget {
    /** Above it no queue grows beyond {@link InputQueue#LITTLE}. */
    private static final long ALL = 16 << 20;

    /** Above it none is put on disk any more. */
    private static final long ALL_ON_DISK = 256 << 20;

    private final Path folder;
    private final AtomicLong held = new AtomicLong();
    private final AtomicLong onDisk = new AtomicLong();

    /** @param folder on a disk, for what is too much for the memory */
    InputBudget(Path folder) {
        this.folder = folder;
    }

    Path folder() {
        return folder;
    }

    void addOnDisk(long bytes) {
        onDisk.addAndGet(bytes);
    }

    boolean hasRoomOnDisk() {
        return onDisk.get() < ALL_ON_DISK;
    }

    /** In bytes. */
    long onDisk() {
        return onDisk.get();
    }

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
