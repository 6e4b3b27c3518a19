package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.linux.Netns;
import io.gantry.runtime.streaming.ProcessStreams;
import io.gantry.runtime.streaming.StreamingServer;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/** Exec, Attach and PortForward: each checks what is asked and gives an address; the client connects there, and only then anything starts. */
final class ContainerStreams {
    private static final int CONNECT_MILLIS = 10_000;
    private static final int MAX_PORT = 65_535;
    private static final byte[] LOOPBACK = {127, 0, 0, 1};
    private static final byte[] LOOPBACK_6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

    private final Node node;
    private final ContainerExecs execs;
    private final PodSandboxes sandboxes;
    private final StreamingServer server;

    ContainerStreams(Node node, ContainerExecs execs, PodSandboxes sandboxes, StreamingServer server) {
        this.node = node;
        this.execs = execs;
        this.sandboxes = sandboxes;
        this.server = server;
    }

    String exec(String id, List<String> command, ProcessStreams streams) throws CriException {
        Container container = check(id, streams);
        if (command.isEmpty()) {
            throw CriException.invalid("exec in container " + container.id() + ": no command is given");
        }
        return given(server.exec(streams, size -> {
            try {
                return execs.exec(container, command, streams, size);
            } catch (CriException e) {
                throw new IOException(e.getMessage(), e);
            }
        }));
    }

    String attach(String id, ProcessStreams streams) throws CriException {
        Container container = check(id, streams);
        return given(server.attach(streams, _ -> {
            try {
                return execs.attach(container, streams);
            } catch (CriException e) {
                throw new IOException(e.getMessage(), e);
            }
        }));
    }

    private Container check(String id, ProcessStreams streams) throws CriException {
        if (id.isEmpty()) {
            throw CriException.invalid("missing required container_id");
        }
        if (streams.terminal() && streams.stderr()) {
            throw CriException.invalid("tty and stderr cannot both be true");
        }
        if (!streams.stdin() && !streams.stdout() && !streams.stderr()) {
            throw CriException.invalid("one of stdin, stdout, or stderr must be set");
        }
        Container container = node.containers().require(id);
        execs.running(container);
        return container;
    }

    String portForward(String id, List<Integer> ports) throws CriException {
        if (id.isEmpty()) {
            throw CriException.invalid("missing required pod_sandbox_id");
        }
        for (int port : ports) {
            if (port < 1 || port > MAX_PORT) {
                throw CriException.invalid("port-forward to pod " + id + ": there is no port " + port);
            }
        }
        Pod pod = node.pods().require(id);
        pod.requireShim();
        return given(server.portForward(ports, port -> connect(pod, port)));
    }

    private static String given(@Nullable String address) throws CriException {
        if (address == null) {
            throw new CriException(
                    CriException.Kind.RESOURCE_EXHAUSTED,
                    "maximum number of in-flight requests exceeded: too many addresses for exec, attach or port-forward"
                            + " were not used yet; each lapses after a minute");
        }
        return address;
    }

    private SocketChannel connect(Pod pod, int port) throws IOException, InterruptedException {
        if (pod.shim() == null) {
            throw new IOException("pod " + pod.id() + " is not running");
        }
        Callable<SocketChannel> dial = () -> dial(port);
        try {
            if (pod.hostNetwork()) {
                return dial.call();
            }
            Path netns = sandboxes.netns(pod);
            if (netns == null) {
                throw new IOException("the network namespace of pod " + pod.id() + " is gone");
            }
            return Netns.call(netns, dial);
        } catch (IOException | InterruptedException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException("in the network of pod " + pod.id() + ": " + e.getMessage(), e);
        }
    }

    /** A socket stays in the network namespace of the thread that made it. */
    private static SocketChannel dial(int port) throws IOException {
        try {
            return dial(StandardProtocolFamily.INET, InetAddress.getByAddress(LOOPBACK), port);
        } catch (IOException e) {
            try {
                return dial(StandardProtocolFamily.INET6, InetAddress.getByAddress(LOOPBACK_6), port);
            } catch (IOException | UnsupportedOperationException second) {
                throw e;
            }
        }
    }

    private static SocketChannel dial(StandardProtocolFamily family, InetAddress address, int port) throws IOException {
        SocketChannel channel = SocketChannel.open(family);
        try {
            channel.socket().connect(new InetSocketAddress(address, port), CONNECT_MILLIS);
            return channel;
        } catch (IOException e) {
            channel.close();
            throw new ConnectException("dial " + address.getHostAddress() + " port " + port + ": " + e.getMessage());
        }
    }
}
