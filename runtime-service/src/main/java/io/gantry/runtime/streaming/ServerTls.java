package io.gantry.runtime.streaming;

import io.netty.handler.ssl.SslContext;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The certificate that the server shows: a connection that comes makes it look for a newer one, at most now and then. */
final class ServerTls {
    private static final Logger LOG = LoggerFactory.getLogger(ServerTls.class);
    static final Duration LOOK = Duration.ofMinutes(1);

    private final TlsSource source;
    private final long look;
    private final ReentrantLock looking = new ReentrantLock();
    private volatile SslContext context;
    private volatile long looked = System.nanoTime();
    private String trouble = "";

    /** @param look the shortest time between two looks */
    ServerTls(TlsSource source, Duration look) throws IOException {
        this.source = source;
        this.look = look.toNanos();
        SslContext first = source.next();
        if (first == null) {
            throw new IllegalStateException("a source that has been asked before");
        }
        this.context = first;
    }

    /** For a new connection. Does not block. */
    SslContext context() {
        if (System.nanoTime() - looked >= look) {
            looked = System.nanoTime();
            Thread.ofVirtual().name("gantry-streaming-tls").start(this::look);
        }
        return context;
    }

    private void look() {
        if (!looking.tryLock()) {
            return;
        }
        try {
            SslContext next = source.next();
            if (next != null) {
                context = next;
                LOG.info("streaming: a new certificate is in use");
            }
            trouble = "";
        } catch (IOException e) {
            // Once, and the old one goes on.
            if (!String.valueOf(e.getMessage()).equals(trouble)) {
                trouble = String.valueOf(e.getMessage());
                LOG.warn("streaming: the certificate stays the old one: {}", trouble);
            }
        } finally {
            looking.unlock();
        }
    }
}
