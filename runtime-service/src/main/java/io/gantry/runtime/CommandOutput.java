package io.gantry.runtime;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.gantry.cri.CriException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * What a command prints on one stream, up to a limit; what is beyond is dropped (CVE-2022-1708). A little is kept in memory, more in a file
 * without a name: so the heap need not be as large as all that many commands print at the same time. For one thread.
 */
final class CommandOutput implements AutoCloseable {
    private static final int IN_MEMORY = 128 << 10;

    private final Path folder;
    private final int limit;
    private final ByteString.Output memory = ByteString.newOutput();
    private @Nullable FileChannel file;
    private int size;

    /**
     * @param folder where a file may be made
     * @param limit bytes
     */
    CommandOutput(Path folder, int limit) {
        this.folder = folder;
        this.limit = limit;
    }

    void add(byte[] data) throws IOException {
        int kept = Math.min(data.length, limit - size);
        if (file == null && size + kept > IN_MEMORY) {
            file = FileChannel.open(
                    folder.resolve("output-" + Ids.fresh()),
                    StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.READ,
                    StandardOpenOption.WRITE,
                    // At once, on Linux.
                    StandardOpenOption.DELETE_ON_CLOSE);
            write(file, memory.toByteString().asReadOnlyByteBuffer());
            memory.reset();
        }
        if (file == null) {
            memory.write(data, 0, kept);
        } else {
            write(file, ByteBuffer.wrap(data, 0, kept));
        }
        size += kept;
    }

    private static void write(FileChannel file, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            file.write(bytes);
        }
    }

    int size() {
        return size;
    }

    /** All of it, in memory now: see {@link LargeAnswers}. */
    ByteString bytes() throws CriException {
        if (file == null) {
            return memory.toByteString();
        }
        ByteBuffer all = ByteBuffer.allocate(size);
        try {
            while (all.hasRemaining() && file.read(all, all.position()) > 0) {
                // On to the next part.
            }
        } catch (IOException e) {
            throw Failures.of("read what a command printed", e);
        }
        return UnsafeByteOperations.unsafeWrap(all.array(), 0, all.position());
    }

    @Override
    public void close() {
        if (file != null) {
            try {
                file.close();
            } catch (IOException e) {
                // It has no name, and nobody reads it any more.
            }
        }
    }
}
