package io.gantry.sandbox;

import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads the exits that a shim tells of, until either side ends it. */
final class ShimEvents implements Runnable, Shim.Subscription {
    private static final Logger LOG = LoggerFactory.getLogger(ShimEvents.class);

    private final ShimConnection connection;
    private final Consumer<ContainerExit> exited;
    private final Runnable ended;
    private volatile boolean closed;

    ShimEvents(ShimConnection connection, Consumer<ContainerExit> exited, Runnable ended) {
        this.connection = connection;
        this.exited = exited;
        this.ended = ended;
    }

    @Override
    public void run() {
        try (connection) {
            Frame frame;
            while ((frame = connection.read()) != null) {
                if (frame.type() == Frame.EXIT) {
                    tell(ContainerExit.of(Records.pairs(frame.fields())));
                }
            }
        } catch (SandboxException | RuntimeException e) {
            if (!closed) {
                LOG.warn("events of a shim ended: {}", e.getMessage());
            }
        }
        if (!closed) {
            ended.run();
        }
    }

    /** What goes wrong with one exit must not lose the later ones. */
    private void tell(ContainerExit exit) {
        try {
            exited.accept(exit);
        } catch (RuntimeException e) {
            LOG.error("the exit of container {} could not be dealt with", exit.id(), e);
        }
    }

    @Override
    public void close() {
        closed = true;
        connection.close();
    }
}
