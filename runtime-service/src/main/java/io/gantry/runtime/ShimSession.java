package io.gantry.runtime;

import io.gantry.runtime.streaming.ProcessSession;
import io.gantry.sandbox.SandboxException;
import io.gantry.sandbox.StreamEvent;
import io.gantry.sandbox.StreamSession;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A session with a shim as the streaming server takes it. */
final class ShimSession implements ProcessSession {
    private final StreamSession session;

    ShimSession(StreamSession session) {
        this.session = session;
    }

    @Override
    public @Nullable StreamEvent next() throws IOException {
        try {
            return session.next();
        } catch (SandboxException e) {
            throw failure(e);
        }
    }

    @Override
    public void stdin(byte[] data) throws IOException {
        try {
            session.stdin(data);
        } catch (SandboxException e) {
            throw failure(e);
        }
    }

    @Override
    public void closeStdin() throws IOException {
        try {
            session.closeStdin();
        } catch (SandboxException e) {
            throw failure(e);
        }
    }

    @Override
    public void resize(int width, int height) throws IOException {
        try {
            session.resize(width, height);
        } catch (SandboxException e) {
            throw failure(e);
        }
    }

    @Override
    public void close() {
        session.close();
    }

    private static IOException failure(SandboxException e) {
        return new IOException(e.getMessage(), e);
    }
}
