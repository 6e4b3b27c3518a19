package io.gantry.conformance;

import java.io.IOException;

/** A client's connection for an exec or attach. */
interface StreamSession extends AutoCloseable {
    StreamChannel stdin();

    StreamChannel stdout();

    StreamChannel stderr();

    /** How it ended, as the server tells it. */
    StreamChannel error();

    void resize(int width, int height) throws IOException;

    /** Leaves, at whatever point. */
    @Override
    void close();

    /**
     * Which streams are asked for.
     *
     * @param tty with a terminal; there is no stderr then
     */
    record Wanted(boolean stdin, boolean stdout, boolean stderr, boolean tty) {
        static final Wanted ALL = new Wanted(true, true, true, false);
        static final Wanted OUTPUT = new Wanted(false, true, true, false);
        static final Wanted TERMINAL = new Wanted(true, true, false, true);
    }
}
