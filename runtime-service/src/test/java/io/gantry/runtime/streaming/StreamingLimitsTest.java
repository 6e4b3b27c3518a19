package io.gantry.runtime.streaming;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the server waits for, and what it holds for clients that are slow, stuck or hostile; with short limits. */
@Timeout(120)
class StreamingLimitsTest {
    private static final ProcessStreams ALL = new ProcessStreams(true, true, true, false);
    private static final Duration LONG = Duration.ofHours(1);
    private static final Duration SHORT = Duration.ofMillis(300);

    private final FakeProcess process = new FakeProcess();
    private @Nullable StreamingServer server;

    private StreamingServer start(Duration idle, Duration creation, Duration linger) throws IOException {
        StreamingServer started = StreamingServer.start(
                new StreamingConfig("127.0.0.1", 0, Path.of("target"), null),
                new Limits(idle, creation, linger, SHORT));
        server = started;
        return started;
    }

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    private SpdyClient exec(StreamingServer started) throws IOException {
        return exec(started, process);
    }

    private static SpdyClient exec(StreamingServer started, FakeProcess process) throws IOException {
        SpdyClient client =
                new SpdyClient(Objects.requireNonNull(started.exec(ALL, _ -> process)), "POST", "v4.channel.k8s.io");
        int id = 1;
        for (String type : new String[] {"error", "stdin", "stdout", "stderr"}) {
            client.open(id, "streamtype", type);
            assertThat(client.receive().type()).isEqualTo(SpdyClient.SYN_REPLY);
            id += 2;
        }
        return client;
    }

    @Test
    void aConnectionWithoutDataEndsAndPingsAreNone() throws Exception {
        try (SpdyClient client = exec(start(SHORT, LONG, LONG))) {
            int id = 1;
            try {
                while (true) {
                    client.ping(id);
                    assertThat(client.receive().stream()).isEqualTo(id);
                    id += 2;
                    Thread.sleep(20);
                }
            } catch (IOException e) {
                assertThat(process.closed.await(30, TimeUnit.SECONDS)).isTrue();
            }
        }
    }

    @Test
    void streamsThatDoNotComeEndTheirConnection() throws Exception {
        StreamingServer started = start(LONG, SHORT, LONG);
        try (SpdyClient client =
                new SpdyClient(Objects.requireNonNull(started.exec(ALL, _ -> process)), "POST", "v4.channel.k8s.io")) {
            client.open(1, "streamtype", "error");
            assertThat(client.receive().type()).isEqualTo(SpdyClient.SYN_REPLY);
            assertThat(client.ends()).isTrue();
        }
        assertThat(process.closed.getCount()).as("nothing was started").isEqualTo(1);
    }

    @Test
    void halfAPairIsResetAndTheConnectionGoesOn() throws Exception {
        StreamingServer started = start(LONG, SHORT, LONG);
        String url = Objects.requireNonNull(started.portForward(List.of(), _ -> {
            throw new IOException("nobody");
        }));
        try (SpdyClient client = new SpdyClient(url, "POST", "portforward.k8s.io")) {
            client.open(1, "streamtype", "error", "port", "80", "requestid", "0");
            assertThat(client.receive().type()).isEqualTo(SpdyClient.SYN_REPLY);
            SpdyClient.Received reset = client.receive();
            assertThat(reset.type()).isEqualTo(SpdyClient.RST_STREAM);
            assertThat(reset.stream()).isEqualTo(1);
            client.ping(1);
            assertThat(client.receive().type()).isEqualTo(SpdyClient.PING);
        }
    }

    @Test
    void aRequestThatComesByteByByteDoesNotComeForever() throws Exception {
        StreamingServer started = start(LONG, SHORT, LONG);
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), started.port())) {
            OutputStream out = socket.getOutputStream();
            out.write("GET /exec/x HTTP/1.1\r\nX: ".getBytes(StandardCharsets.US_ASCII));
            boolean ended = false;
            while (!ended) {
                try {
                    out.write('x');
                    Thread.sleep(10);
                } catch (SocketException e) {
                    ended = true;
                }
            }
        }
    }

    @Test
    void ofTooManyThatAskForNothingTheOldestGoes() throws Exception {
        StreamingServer started = start(LONG, LONG, LONG);
        List<Socket> silent = new ArrayList<>();
        try {
            for (int i = 0; i < Newcomers.MAX + 20; i++) {
                silent.add(new Socket(InetAddress.getLoopbackAddress(), started.port()));
            }
            assertThat(silent.getFirst().getInputStream().read()).isEqualTo(-1);
            try (SpdyClient client = exec(started)) {
                process.exits(0);
                assertThat(client.readAll(1)).contains("Success");
            }
            silent.getLast().getOutputStream().write("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            assertThat(silent.getLast().getInputStream().read()).isEqualTo('H');
        } finally {
            for (Socket socket : silent) {
                socket.close();
            }
        }
    }

    /** As kubectl exec in a pager: the end has come long before the reader has got there. */
    @Test
    void aSlowReaderGetsEverythingAfterTheEnd() throws Exception {
        byte[] piece = new byte[16 << 10];
        int pieces = 1024;
        try (SpdyClient client = exec(start(LONG, LONG, SHORT))) {
            for (int i = 0; i < pieces; i++) {
                process.prints(piece);
            }
            process.exits(7);
            int read = 0;
            while (read < pieces * piece.length) {
                SpdyClient.Received frame = client.receive();
                if (frame.type() == 0 && frame.stream() == 5) {
                    read += frame.payload().length;
                }
                if (read % (4 << 20) == 0 || read == pieces * piece.length - piece.length) {
                    Thread.sleep(4 * SHORT.toMillis());
                }
            }
            assertThat(client.readAll(1)).contains("\"message\":\"7\"");
            assertThat(client.ends())
                    .as("and then the connection ends by itself")
                    .isTrue();
        }
    }

    @Test
    void aClientThatPingsAndReadsNothingIsCutOff() throws Exception {
        try (SpdyClient client = exec(start(LONG, LONG, LONG))) {
            boolean open = true;
            for (int i = 1; open; i += 2) {
                try {
                    client.ping((i & 0x7fffffff) | 1);
                } catch (SocketException e) {
                    open = false;
                }
            }
            assertThat(process.closed.await(30, TimeUnit.SECONDS)).isTrue();
        }
    }

    /** Of two forwarded connections over one of the client's, the one that nobody reads must not stop the other for ever. */
    @Test
    void aForwardedConnectionThatIsStuckGivesWay() throws Exception {
        StreamingServer started = start(LONG, LONG, LONG);
        try (ServerSocket pod = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            String port = String.valueOf(pod.getLocalPort());
            String url = Objects.requireNonNull(started.portForward(
                    List.of(), to -> SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), to))));
            try (SpdyClient client = new SpdyClient(url, "POST", "portforward.k8s.io")) {
                client.open(1, "streamtype", "error", "port", port, "requestid", "0");
                client.open(3, "streamtype", "data", "port", port, "requestid", "0");
                try (Socket stuck = pod.accept()) {
                    client.open(5, "streamtype", "error", "port", port, "requestid", "1");
                    client.open(7, "streamtype", "data", "port", port, "requestid", "1");
                    try (Socket other = pod.accept()) {
                        for (int i = 0; i < 512; i++) {
                            client.data(3, new byte[32 << 10], false);
                        }
                        client.data(7, "through".getBytes(StandardCharsets.UTF_8), true);
                        assertThat(other.getInputStream().readAllBytes())
                                .asString()
                                .isEqualTo("through");
                        SpdyClient.Received frame = client.receive();
                        while (frame.type() != SpdyClient.RST_STREAM) {
                            frame = client.receive();
                        }
                        assertThat(frame.stream()).isEqualTo(3);
                    }
                    assertThat(stuck.isConnected()).isTrue();
                }
            }
        }
    }

    @Test
    void aTerminalsInputTakesNoMoreDiskThanItMay() throws Exception {
        StreamingServer started = start(LONG, LONG, LONG);
        SpdyClient client = StreamingServerTest.terminal(started, process);
        Thread sender = Thread.ofVirtual().start(() -> {
            try {
                while (true) {
                    client.data(3, new byte[64 << 10], false);
                }
            } catch (IOException e) {
                // Closed below, while it waits.
            }
        });
        long before = -1;
        while (before < 64 << 20 || started.inputOnDisk() != before) {
            before = started.inputOnDisk();
            Thread.sleep(100);
        }
        assertThat(before).isLessThan(65 << 20);
        client.abort();
        sender.join();
        while (started.inputOnDisk() > 0) {
            Thread.sleep(20);
        }
    }

    @Test
    void stuckProcessesCostLittleHoweverMany() throws Exception {
        StreamingServer started = start(LONG, LONG, LONG);
        List<SpdyClient> clients = new ArrayList<>();
        List<Thread> senders = new ArrayList<>();
        try {
            for (int i = 0; i < 120; i++) {
                SpdyClient client = exec(started, new FakeProcess());
                clients.add(client);
                senders.add(Thread.ofVirtual().start(() -> {
                    try {
                        for (int sent = 0; sent < 64; sent++) {
                            client.data(3, new byte[32 << 10], false);
                        }
                    } catch (IOException e) {
                        // Closed below, while it waits.
                    }
                }));
            }
            long before = -1;
            while (started.heldInput() != before || before == 0) {
                before = started.heldInput();
                Thread.sleep(500);
            }
            // 16 MiB and a reading for each: 120 times 256 KiB would be 30 MiB.
            assertThat(before).isBetween(8L << 20, 24L << 20);
        } finally {
            for (SpdyClient client : clients) {
                client.abort();
            }
        }
        for (Thread sender : senders) {
            sender.join();
        }
        while (started.heldInput() > 0) {
            Thread.sleep(20);
        }
    }
}
