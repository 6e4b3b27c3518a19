package io.gantry.runtime.streaming;

import java.util.List;

/** What a one-use address stands for. */
sealed interface Target {
    /** The first part of its path. */
    String path();

    /**
     * A process's streams.
     *
     * @param exec whether the process is the client's own, so that its exit code is the outcome; else the client is attached
     */
    record Streams(boolean exec, ProcessStreams streams, ProcessSource source) implements Target {
        @Override
        public String path() {
            return exec ? "exec" : "attach";
        }
    }

    /**
     * A pod's ports.
     *
     * @param ports those that the client named beforehand; most name each when they connect to it
     */
    record Ports(PortSource source, List<Integer> ports) implements Target {
        @Override
        public String path() {
            return "portforward";
        }
    }
}
