package io.gantry.runtime.streaming;

/** The client's side of a forwarded connection, or of its errors, in whichever protocol. */
interface PortStream {
    /** Who takes what comes from now on. */
    void deliverTo(StreamInput next);

    /**
     * Sends data; blocks while the client takes none.
     *
     * @return false if the client has gone
     */
    boolean write(byte[] data);

    /** Sends no more. */
    void end();

    /** Gives it up in both directions. */
    void cancel();
}
