package io.gantry.runtime.streaming;

import java.io.IOException;
import java.nio.channels.SocketChannel;

/** Connects to ports of a pod. */
public interface PortSource {
    /**
     * Connects to a port on the pod's loopback.
     *
     * @param port 1 to 65535
     * @throws IOException if nothing accepts; the client is told its message
     */
    SocketChannel connect(int port) throws IOException, InterruptedException;
}
