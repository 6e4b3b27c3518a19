package io.gantry.runtime.streaming;

import java.time.Duration;

/**
 * How long the server waits.
 *
 * @param idle for any data on a connection
 * @param creation for the request, and then for the streams that belong together
 * @param linger for the client to close once it has taken everything, the outcome included, and sends nothing any more
 * @param stall while the queue of one stream is full and keeps the others of its connection waiting
 */
record Limits(Duration idle, Duration creation, Duration linger, Duration stall) {
    /** Those of Kubernetes' reference server, where it has them. */
    static final Limits USUAL =
            new Limits(Duration.ofHours(4), Duration.ofSeconds(30), Duration.ofSeconds(10), Duration.ofSeconds(30));
}
