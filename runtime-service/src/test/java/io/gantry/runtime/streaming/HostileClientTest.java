package io.gantry.runtime.streaming;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.zip.Deflater;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Clients that break every rule, by a seed that is printed; {@code -Dstreaming.seed=N} repeats a run. */
@Timeout(300)
class HostileClientTest {
    private static final ProcessStreams ALL = new ProcessStreams(true, true, true, false);
    private static final List<String> TYPES =
            List.of("error", "stdin", "stdout", "stderr", "resize", "data", "", "\0", "x".repeat(5000));
    private static final int ROUNDS = 300;
    private static final byte[] BOMB = bomb();

    private final StreamingServer server = start();
    private final Queue<FakeProcess> processes = new ConcurrentLinkedQueue<>();

    private static StreamingServer start() {
        try {
            return StreamingServer.start(
                    new StreamingConfig("127.0.0.1", 0, Path.of("target"), null),
                    new Limits(
                            Duration.ofSeconds(20),
                            Duration.ofSeconds(2),
                            Duration.ofMillis(200),
                            Duration.ofMillis(500)));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private FakeProcess process() {
        FakeProcess process = new FakeProcess();
        processes.add(process);
        return process;
    }

    private String url() {
        return Objects.requireNonNull(server.exec(ALL, _ -> process()));
    }

    @Test
    void nothingThatAClientSendsHurtsTheServer() throws Exception {
        long seed = Long.getLong("streaming.seed", System.nanoTime());
        System.out.println("streaming.seed=" + seed);
        Random random = new Random(seed);
        try (ServerSocket pod = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Thread.ofVirtual().start(() -> swallow(pod));
            for (int round = 0; round < ROUNDS; round++) {
                try {
                    attack(random, pod.getLocalPort());
                } catch (IOException e) {
                    // The server has closed on the attacker: that is its right.
                }
            }
        }
        assertThat(served()).as("seed %d", seed).isEqualTo("still here");
        for (FakeProcess process : processes) {
            assertThat(process.closed.await(60, TimeUnit.SECONDS))
                    .as("every process is let go, seed %d", seed)
                    .isTrue();
        }
        while (server.heldInput() != 0) {
            Thread.sleep(20);
        }
    }

    private static void swallow(ServerSocket pod) {
        try {
            while (true) {
                Socket accepted = pod.accept();
                accepted.close();
            }
        } catch (IOException e) {
            // The test is over.
        }
    }

    private String served() throws IOException {
        FakeProcess process = new FakeProcess();
        String url = Objects.requireNonNull(server.exec(new ProcessStreams(false, true, false, false), _ -> process));
        try (SpdyClient client = new SpdyClient(url, "GET", "v4.channel.k8s.io")) {
            client.open(1, "streamtype", "error");
            client.open(3, "streamtype", "stdout");
            process.prints("still here".getBytes(StandardCharsets.UTF_8));
            process.exits(0);
            return client.readAll(3);
        }
    }

    private void attack(Random random, int port) throws IOException {
        switch (random.nextInt(6)) {
            case 0 -> notHttp(random);
            case 1 -> frames(random, new SpdyClient(url(), "POST", "v4.channel.k8s.io"), port);
            case 2 -> frames(random, portForward(), port);
            case 3 -> webSocket(random, "v5.channel.k8s.io", url());
            case 4 -> webSocket(random, "v4.base64.channel.k8s.io", url());
            default -> webSocket(random, "SPDY/3.1+portforward.k8s.io", portForwardUrl());
        }
    }

    private String portForwardUrl() {
        return Objects.requireNonNull(server.portForward(
                List.of(), to -> SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), to))));
    }

    private SpdyClient portForward() throws IOException {
        return new SpdyClient(portForwardUrl(), "POST", "portforward.k8s.io");
    }

    private void notHttp(Random random) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            byte[] bytes = bytes(random, 20_000);
            String start = switch (random.nextInt(4)) {
                case 0 -> "";
                case 1 -> "GET /exec/nothing HTTP/1.1\r\n";
                case 2 -> "POST " + url().replaceFirst("http://[^/]*", "") + " HTTP/1.1\r\nUpgrade: SPDY/3.1\r\n";
                default ->
                    "GET / HTTP/1.1\r\nContent-Length: 99999999999\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n";
            };
            socket.getOutputStream().write(start.getBytes(StandardCharsets.US_ASCII));
            socket.getOutputStream().write(bytes);
            end(random, socket);
        }
    }

    private static void frames(Random random, SpdyClient client, int port) throws IOException {
        try (client) {
            int id = 1;
            for (int i = random.nextInt(60); i > 0; i--) {
                switch (random.nextInt(9)) {
                    case 0, 1, 2 -> {
                        client.open(
                                random.nextInt(20) == 0 ? random.nextInt() : id,
                                "streamtype",
                                TYPES.get(random.nextInt(TYPES.size())),
                                "port",
                                random.nextBoolean() ? String.valueOf(port) : "-" + random.nextInt(),
                                "requestid",
                                String.valueOf(random.nextInt(3)));
                        id += 2;
                    }
                    case 3 -> client.data(1 + 2 * random.nextInt(8), bytes(random, 40_000), random.nextBoolean());
                    case 4 -> client.reset(1 + 2 * random.nextInt(8));
                    case 5 -> client.ping(random.nextInt());
                    case 6 -> client.control(random.nextInt(12), bytes(random, 300));
                    case 7 -> client.control(4, settings(random.nextInt(100_000)));
                    default -> client.control(1, Arrays.copyOf(BOMB, 10 + random.nextInt(BOMB.length)));
                }
            }
            if (random.nextBoolean()) {
                client.raw(bytes(random, 2000));
            }
            if (random.nextBoolean()) {
                client.abort();
            }
        }
    }

    /** A SETTINGS frame with many values. */
    private static byte[] settings(int count) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeInt(count);
        for (int i = 0; i < count; i++) {
            out.writeInt(i);
            out.writeInt(i);
        }
        return bytes.toByteArray();
    }

    /** A SYN_STREAM whose headers are a thousand times as long as they look. */
    private static byte[] bomb() {
        Deflater deflater = new Deflater();
        try {
            deflater.setDictionary(SpdyDictionary.BYTES);
            byte[] zeros = new byte[1 << 20];
            byte[] packed = new byte[128 << 10];
            int length = 10;
            packed[3] = 99;
            while (length < 100_000) {
                deflater.setInput(zeros);
                length += deflater.deflate(packed, length, packed.length - length, Deflater.SYNC_FLUSH);
            }
            return Arrays.copyOf(packed, length);
        } finally {
            deflater.end();
        }
    }

    private void webSocket(Random random, String protocol, String url) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.port())) {
            String request =
                    "GET " + url.replaceFirst("http://[^/]*", "") + " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                            + "Connection: Upgrade\r\nSec-WebSocket-Version: " + (random.nextInt(10) == 0 ? 7 : 13)
                            + "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: " + protocol
                            + "\r\n\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            for (int i = random.nextInt(20); i > 0; i--) {
                byte[] payload = bytes(random, random.nextInt(10) == 0 ? 70_000 : 125);
                if (payload.length > 0 && random.nextBoolean()) {
                    payload[0] = (byte) random.nextInt(6);
                }
                boolean masked = random.nextInt(10) != 0;
                DataOutputStream out = new DataOutputStream(socket.getOutputStream());
                out.writeByte(random.nextInt(5) == 0 ? random.nextInt(256) : random.nextBoolean() ? 0x82 : 0x89);
                int mask = masked ? 0x80 : 0;
                if (payload.length < 126) {
                    out.writeByte(mask | payload.length);
                } else if (random.nextInt(4) == 0) {
                    out.writeByte(mask | 127);
                    out.writeLong(random.nextBoolean() ? payload.length : random.nextLong());
                } else {
                    out.writeByte(mask | 126);
                    out.writeShort(payload.length);
                }
                if (masked) {
                    out.writeInt(0);
                }
                out.write(payload);
            }
            end(random, socket);
        }
    }

    private static byte[] bytes(Random random, int most) {
        byte[] bytes = new byte[random.nextInt(most)];
        random.nextBytes(bytes);
        return bytes;
    }

    private static void end(Random random, Socket socket) throws IOException {
        switch (random.nextInt(3)) {
            case 0 -> socket.setSoLinger(true, 0);
            case 1 -> socket.shutdownOutput();
            default -> {
                // The end of its block.
            }
        }
    }
}
