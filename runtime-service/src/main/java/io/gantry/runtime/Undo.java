package io.gantry.runtime;

import java.util.ArrayDeque;
import java.util.Deque;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way back from a call that fails half way. Each step pushes what undoes it; unless {@link #keep} was reached, {@link #close} runs
 * them in reverse. A step that cannot be undone is logged and the others still run.
 */
final class Undo implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Undo.class);

    /** One step back. */
    interface Step {
        void run() throws Exception;
    }

    private record Named(String what, Step step) {}

    private final Deque<Named> steps = new ArrayDeque<>();
    private final String subject;

    Undo(String subject) {
        this.subject = subject;
    }

    void push(String what, Step step) {
        steps.push(new Named(what, step));
    }

    /** All went well: nothing is undone. */
    void keep() {
        steps.clear();
    }

    @Override
    @SuppressWarnings("CatchingUnchecked") // an unexpected failure of one step must not leave the others undone
    public void close() {
        while (!steps.isEmpty()) {
            Named next = steps.pop();
            try {
                next.step.run();
            } catch (Exception e) {
                LOG.warn("undoing {}: could not {}: {}", subject, next.what, e.toString());
            }
        }
    }
}
