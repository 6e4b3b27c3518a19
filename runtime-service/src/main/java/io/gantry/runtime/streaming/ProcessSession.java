package io.gantry.runtime.streaming;

import io.gantry.sandbox.StreamEvent;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A process's streams while a client is connected to them. Its calls block; one thread reads, any threads write. */
public interface ProcessSession extends AutoCloseable {
    /** The next piece of output, or the end; null when the session was closed by either side. */
    @Nullable
    StreamEvent next() throws IOException;

    /** Blocks while the process takes none. */
    void stdin(byte[] data) throws IOException;

    void closeStdin() throws IOException;

    /** In characters, each 0 to 65535. */
    void resize(int width, int height) throws IOException;

    /** Hangs up. */
    @Override
    void close();
}
