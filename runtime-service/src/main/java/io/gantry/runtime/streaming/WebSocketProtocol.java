package io.gantry.runtime.streaming;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The WebSocket subprotocols of exec and attach: each message begins with its channel, as a byte or, in the base64 ones, as a digit.
 *
 * @param json whether the outcome is JSON, else a text
 * @param closeSignal whether the client can end its standard input by a message (255, channel)
 */
record WebSocketProtocol(String name, boolean base64, boolean json, boolean closeSignal) {
    private static final List<WebSocketProtocol> ALL = List.of(
            new WebSocketProtocol("v5.channel.k8s.io", false, true, true),
            new WebSocketProtocol("v4.channel.k8s.io", false, true, false),
            new WebSocketProtocol("v4.base64.channel.k8s.io", true, true, false),
            new WebSocketProtocol("channel.k8s.io", false, false, false),
            new WebSocketProtocol("base64.channel.k8s.io", true, false, false));

    /** What a client speaks that names no protocol. */
    private static final WebSocketProtocol UNNAMED = new WebSocketProtocol("", false, false, false);

    /** The first that both know; null if there is none. */
    static @Nullable WebSocketProtocol choose(List<String> offered) {
        if (offered.isEmpty()) {
            return UNNAMED;
        }
        for (String name : offered) {
            for (WebSocketProtocol known : ALL) {
                if (known.name.equals(name)) {
                    return known;
                }
            }
        }
        return null;
    }
}
