package io.gantry.runtime.streaming;

/** The client's side of an exec or attach, in whichever protocol. Called by the thread that reads the process's output. */
interface ClientStreams {
    /**
     * Sends output; blocks while the client takes none.
     *
     * @return false if the client has gone
     */
    boolean output(boolean stderr, byte[] data);

    /** Ends the output, tells the outcome, and lets the client close. */
    void finish(Outcome outcome);
}
