package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Clients that send bytes through {@code crictl port-forward} to a pod that echoes them, on one connection after the other. */
final class PortTraffic implements AutoCloseable {
    private static final Pattern LISTENS = Pattern.compile("Forwarding from 127\\.0\\.0\\.1:(\\d+) -> ");
    private static final int MOST_BYTES = 300_000;

    private final Path dir;
    private final long seed;
    private final List<CrictlProcess> processes = new ArrayList<>();
    private final List<Worker> workers = new ArrayList<>();
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong connections = new AtomicLong();

    PortTraffic(Path dir, long seed) {
        this.dir = dir;
        this.seed = seed;
    }

    void forward(LoadPod pod) {
        CrictlProcess process = new CrictlProcess(dir, "port-forward", pod.id(), ":" + LoadPod.ECHO_PORT);
        processes.add(process);
        Wait.until(
                "crictl port-forward listens",
                () -> LISTENS.matcher(process.printed()).find() || !process.isRunning());
        Matcher listens = LISTENS.matcher(process.printed());
        assertThat(listens.find()).as(process.printed()).isTrue();
        int port = Integer.parseInt(listens.group(1));
        Random random = new Random(seed + workers.size());
        workers.add(new Worker("load-forward-" + workers.size(), () -> echo(port, random)));
    }

    private void echo(int port, Random random) {
        byte[] sent = new byte[1 + random.nextInt(MOST_BYTES)];
        random.nextBytes(sent);
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.setSoTimeout(60_000);
            Thread writer = Thread.ofVirtual().start(() -> write(socket, sent));
            InputStream in = socket.getInputStream();
            assertThat(in.readAllBytes()).isEqualTo(sent);
            LoadTest.join(writer);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        bytes.addAndGet(sent.length);
        connections.incrementAndGet();
    }

    private static void write(Socket socket, byte[] sent) {
        try {
            OutputStream out = socket.getOutputStream();
            out.write(sent);
            socket.shutdownOutput();
        } catch (IOException e) {
            // The reader fails too, and tells more.
            throw new UncheckedIOException(e);
        }
    }

    void stop() {
        workers.forEach(Worker::stop);
        assertThat(processes)
                .allSatisfy(process ->
                        assertThat(process.isRunning()).as(process.printed()).isTrue());
        processes.forEach(CrictlProcess::close);
    }

    @Override
    public void close() {
        // The workers fail when their connections go, and that is not told a second time.
        processes.forEach(CrictlProcess::close);
        workers.forEach(Worker::close);
    }

    @Override
    public String toString() {
        return connections + " connections with " + bytes + " bytes echoed over " + processes.size()
                + " forwarded ports";
    }
}
