package io.gantry.runtime.streaming;

import io.netty.handler.ssl.SslContext;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Where the server's certificate comes from. */
interface TlsSource {
    /**
     * Looks whether there is another certificate than the last time, and makes one if it is due.
     *
     * @return null if it is the same
     * @throws IOException if it cannot be read, used or made
     */
    @Nullable
    SslContext next() throws IOException;
}
