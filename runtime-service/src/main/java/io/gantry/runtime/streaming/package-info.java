/** The server of Exec, Attach and PortForward: SPDY/3.1 and WebSocket to the client, blocking sessions and sockets to the pod. Knows nothing of pods or the CRI. */
@NullMarked
package io.gantry.runtime.streaming;

import org.jspecify.annotations.NullMarked;
