package io.gantry.runtime.streaming;

import io.gantry.sandbox.ProcessSpec.TerminalSize;
import io.gantry.sandbox.StreamEvent;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Copies between a client and a process, each direction on a virtual thread of its own, so that a process that does not read its input
 * holds back neither its output nor the sizes of its terminal.
 */
final class ProcessRelay {
    /** Clients send the size right after the streams; a process that starts before it has come would see a terminal of no size. */
    private static final Duration FIRST_SIZE = Duration.ofMillis(100);

    private final Target.Streams target;
    private final ClientStreams client;
    private final InputQueue stdin;
    private final Resizes resizes;
    private @Nullable ProcessSession session;
    private boolean hungUp;

    ProcessRelay(Target.Streams target, ClientStreams client, InputQueue stdin, Resizes resizes) {
        this.target = target;
        this.client = client;
        this.stdin = stdin;
        this.resizes = resizes;
    }

    /** Begins, on threads of its own. */
    void start() {
        Thread.ofVirtual().name("gantry-" + target.path()).start(this::run);
    }

    /** The client has gone: its process's terminal hangs up, its pipes close. */
    void hangUp() {
        stdin.discard();
        resizes.end();
        ProcessSession open;
        synchronized (this) {
            hungUp = true;
            open = session;
        }
        if (open != null) {
            open.close();
        }
    }

    private synchronized boolean hold(ProcessSession opened) {
        session = opened;
        return !hungUp;
    }

    private void run() {
        Outcome outcome;
        try {
            outcome = relay();
        } catch (IOException e) {
            outcome = Outcome.failed(
                    (target.exec() ? "error executing command in container: " : "error attaching to container: ")
                            + e.getMessage());
        }
        stdin.discard();
        resizes.end();
        if (outcome != null) {
            client.finish(outcome);
        }
    }

    /** Until the process ends: how it did, or null if the client left first. */
    private @Nullable Outcome relay() throws IOException {
        TerminalSize size = target.streams().terminal() ? resizes.poll(FIRST_SIZE) : null;
        try (ProcessSession opened = target.source().open(size)) {
            if (!hold(opened)) {
                return null;
            }
            if (!target.exec() && size != null) {
                opened.resize(size.width(), size.height());
            }
            if (target.streams().stdin()) {
                Thread.ofVirtual().name("gantry-" + target.path() + "-stdin").start(() -> copyStdin(opened));
            }
            if (target.streams().terminal()) {
                Thread.ofVirtual().name("gantry-" + target.path() + "-resize").start(() -> copySizes(opened));
            }
            return copyOutput(opened);
        }
    }

    private @Nullable Outcome copyOutput(ProcessSession opened) throws IOException {
        while (true) {
            StreamEvent event = opened.next();
            switch (event) {
                case StreamEvent.Stdout output -> {
                    if (target.streams().stdout() && !client.output(false, output.data())) {
                        return null;
                    }
                }
                case StreamEvent.Stderr output -> {
                    if (target.streams().stderr() && !client.output(true, output.data())) {
                        return null;
                    }
                }
                case StreamEvent.Exit end -> {
                    // An attached client is told that the streams have ended; the container's exit code is in its
                    // status.
                    return target.exec() ? Outcome.exited(end.exit().code()) : Outcome.SUCCESS;
                }
                case null -> {
                    synchronized (this) {
                        if (hungUp) {
                            return null;
                        }
                    }
                    throw new IOException("the session was ended by the container's side");
                }
            }
        }
    }

    private void copyStdin(ProcessSession opened) {
        try {
            byte[] data = stdin.take();
            while (data != null) {
                opened.stdin(data);
                data = stdin.take();
            }
            opened.closeStdin();
        } catch (IOException e) {
            // The process ends or has ended: that its output and its outcome tell.
            stdin.discard();
        }
    }

    private void copySizes(ProcessSession opened) {
        try {
            TerminalSize size = resizes.take();
            while (size != null) {
                opened.resize(size.width(), size.height());
                size = resizes.take();
            }
        } catch (IOException e) {
            // As above.
            resizes.end();
        }
    }
}
