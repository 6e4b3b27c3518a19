package io.gantry.runtime;

import java.util.ArrayDeque;
import java.util.Deque;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way back from a call that fails half way. Each step pushes what undoes it; unless {@link #keep} was reached, {@link #close} runs
 * them in reverse. A step that cannot be undone is logged and the others still run, but for the record on disk: that is kept then, so
 * that the next start of the daemon tries again.
 */
final class Undo implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Undo.class);

    /** One step back. */
    interface Step {
        void run() throws Exception;
    }

    private record Named(String what, Step step, boolean isRecord) {}

    private final Deque<Named> steps = new ArrayDeque<>();
    private final String subject;

    Undo(String subject) {
        this.subject = subject;
    }

    void push(String what, Step step) {
        steps.push(new Named(what, step, false));
    }

    /** What deletes the record by which {@link Recovery} knows that there is something to undo. */
    void pushRecord(String what, Step step) {
        steps.push(new Named(what, step, true));
    }

    /** All went well: nothing is undone. */
    void keep() {
        steps.clear();
    }

    @Override
    @SuppressWarnings("CatchingUnchecked") // an unexpected failure of one step must not leave the others undone
    public void close() {
        boolean failed = false;
        while (!steps.isEmpty()) {
            Named next = steps.pop();
            if (failed && next.isRecord) {
                continue;
            }
            try {
                next.step.run();
            } catch (Exception e) {
                failed = true;
                LOG.warn("undoing {}: could not {}: {}", subject, next.what, e.toString());
            }
        }
    }
}
