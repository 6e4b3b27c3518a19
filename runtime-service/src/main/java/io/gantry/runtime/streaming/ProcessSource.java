package io.gantry.runtime.streaming;

import io.gantry.sandbox.ProcessSpec.TerminalSize;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Starts what a client connected for. */
public interface ProcessSource {
    /**
     * Starts the process, or attaches to it.
     *
     * @param size of the client's terminal, null if there is none or it has not been told yet
     * @throws IOException if that fails; the client is told its message
     */
    ProcessSession open(@Nullable TerminalSize size) throws IOException;
}
