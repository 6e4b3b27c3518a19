package io.gantry.runtime.streaming;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Input that waits on disk, in a file that has no name any more, so that a client is read on and what it sends behind its input arrives. Its callers see to it that
 * one thread at a time is here.
 */
final class SpilledInput {
    private static final int PIECE = 64 << 10;

    /** Counted from the last time that the file was empty; soft by what one reading brings. */
    private static final long MAX = 64 << 20;

    private final InputBudget budget;
    private @Nullable FileChannel file;
    private long written;
    private long taken;
    private boolean closed;

    SpilledInput(InputBudget budget) {
        this.budget = budget;
    }

    /** Whether something waits here. */
    boolean holds() {
        return taken < written;
    }

    /** Whether this may grow. */
    boolean hasRoom() {
        return !closed && written < MAX && budget.hasRoomOnDisk();
    }

    /** Takes it whole, or not at all. */
    void add(byte[] bytes) throws IOException {
        FileChannel open = file;
        if (open == null) {
            open = create(budget.folder());
            file = open;
        }
        ByteBuffer rest = ByteBuffer.wrap(bytes);
        while (rest.hasRemaining()) {
            open.write(rest, written + rest.position());
        }
        written += bytes.length;
        budget.addOnDisk(bytes.length);
    }

    private static FileChannel create(Path folder) throws IOException {
        Path name = Files.createTempFile(folder, "stdin-", "");
        try {
            return FileChannel.open(name, StandardOpenOption.READ, StandardOpenOption.WRITE);
        } finally {
            Files.delete(name);
        }
    }

    /** The next piece, null if nothing waits here. */
    byte @Nullable [] poll() throws IOException {
        FileChannel open = file;
        if (open == null || !holds()) {
            return null;
        }
        ByteBuffer piece = ByteBuffer.allocate((int) Math.min(PIECE, written - taken));
        while (piece.hasRemaining()) {
            if (open.read(piece, taken + piece.position()) < 0) {
                throw new IOException("the file of spilled input has become shorter");
            }
        }
        taken += piece.capacity();
        if (!holds()) {
            forget();
            open.truncate(0);
        }
        return piece.array();
    }

    /** Drops what is here; nothing more is taken. */
    void close() {
        closed = true;
        forget();
        if (file != null) {
            try {
                file.close();
            } catch (IOException e) {
                // It has no name, and nobody wants its content.
            }
            file = null;
        }
    }

    private void forget() {
        budget.addOnDisk(-written);
        written = 0;
        taken = 0;
    }
}
