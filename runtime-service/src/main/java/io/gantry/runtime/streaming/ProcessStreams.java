package io.gantry.runtime.streaming;

/**
 * Which streams of a process a client asked for.
 *
 * @param terminal whether the process has a terminal: its sizes come from the client then, and there is no standard error
 */
public record ProcessStreams(boolean stdin, boolean stdout, boolean stderr, boolean terminal) {}
