package io.gantry.runtime.streaming;

/** Takes what a client sends on one stream. Called on the event loop, so it never blocks. */
interface StreamInput {
    /** Drops everything. */
    StreamInput NONE = new StreamInput() {
        @Override
        public void data(byte[] bytes) {}

        @Override
        public void end() {}
    };

    void data(byte[] bytes);

    /** The client sends no more, or has gone. */
    void end();

    /** The client gave the stream up, in both directions. */
    default void reset() {
        end();
    }
}
