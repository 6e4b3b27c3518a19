package io.gantry.sandbox;

/** What comes out of an exec or attach session. */
@SuppressWarnings("ArrayRecordComponent")
public sealed interface StreamEvent {
    /** Output; with a terminal all of it. */
    record Stdout(byte[] data) implements StreamEvent {}

    record Stderr(byte[] data) implements StreamEvent {}

    /** The last event: the exec'd process, or the attached container, has ended. */
    record Exit(ContainerExit exit) implements StreamEvent {}
}
