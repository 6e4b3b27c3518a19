package io.gantry.runtime.streaming;

import static org.assertj.core.api.Assertions.assertThat;

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
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The server over a real socket, with a client and processes made by hand. */
@Timeout(60)
class StreamingServerTest {
    private static final ProcessStreams ALL = new ProcessStreams(true, true, true, false);
    private static final Limits LIMITS =
            new Limits(Duration.ofHours(1), Duration.ofSeconds(30), Duration.ofSeconds(10), Duration.ofSeconds(10));

    private final StreamingServer server = start();
    private final FakeProcess process = new FakeProcess();

    private static StreamingServer start() {
        try {
            return StreamingServer.start(new StreamingConfig("127.0.0.1", 0, Path.of("target"), null), LIMITS);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private String execUrl(ProcessStreams streams) {
        return Objects.requireNonNull(server.exec(streams, _ -> process));
    }

    /** Error 1, stdin 3, stdout 5, stderr 7. */
    private SpdyClient exec() throws IOException {
        SpdyClient client = new SpdyClient(execUrl(ALL), "POST", "v5.channel.k8s.io", "v4.channel.k8s.io");
        int id = 1;
        for (String type : new String[] {"error", "stdin", "stdout", "stderr"}) {
            client.open(id, "streamtype", type);
            SpdyClient.Received reply = client.receive();
            assertThat(reply.type()).isEqualTo(SpdyClient.SYN_REPLY);
            assertThat(reply.payload()).as("a SYN_REPLY with a header block").hasSizeGreaterThan(4);
            id += 2;
        }
        return client;
    }

    @Test
    void negotiatesTheNewestProtocolThatBothKnow() throws IOException {
        try (SpdyClient client = exec()) {
            assertThat(client.answer)
                    .startsWith("HTTP/1.1 101 ")
                    .containsIgnoringCase("x-stream-protocol-version: v4.channel.k8s.io\r\n");
        }
    }

    @Test
    void refusesWhatCannotBeServed() throws IOException {
        String url = execUrl(ALL);
        try (SpdyClient used = new SpdyClient(url, "GET", "v4.channel.k8s.io");
                SpdyClient again = new SpdyClient(url, "GET", "v4.channel.k8s.io");
                SpdyClient unknown = new SpdyClient(execUrl(ALL), "POST", "v9.channel.k8s.io");
                SpdyClient nothing = new SpdyClient(execUrl(ALL), "POST");
                SpdyClient wrongPath =
                        new SpdyClient(execUrl(ALL).replace("/exec/", "/attach/"), "POST", "v4.channel.k8s.io")) {
            assertThat(used.answer).startsWith("HTTP/1.1 101 ");
            assertThat(again.answer).startsWith("HTTP/1.1 404 ");
            assertThat(unknown.answer)
                    .startsWith("HTTP/1.1 403 ")
                    .containsIgnoringCase("x-accepted-stream-protocol-versions: v4.channel.k8s.io");
            assertThat(nothing.answer).startsWith("HTTP/1.1 400 ");
            assertThat(wrongPath.answer).startsWith("HTTP/1.1 404 ");
        }
    }

    @Test
    void tellsOutputThenTheOutcome() throws IOException {
        try (SpdyClient client = exec()) {
            process.prints("hello".getBytes(StandardCharsets.UTF_8));
            process.exits(3);
            assertThat(client.readAll(5)).isEqualTo("hello");
            assertThat(client.readAll(1)).contains("\"reason\":\"NonZeroExitCode\"", "\"message\":\"3\"");
        }
    }

    @Test
    void olderProtocolsAreToldTheOutcomeAsTextAndNeedNoSizes() throws IOException {
        for (String protocol : List.of("v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")) {
            FakeProcess old = new FakeProcess();
            String url = Objects.requireNonNull(server.exec(new ProcessStreams(false, true, false, true), _ -> old));
            try (SpdyClient client = new SpdyClient(url, "POST", "v9.channel.k8s.io", protocol)) {
                assertThat(client.answer).containsIgnoringCase("x-stream-protocol-version: " + protocol + "\r\n");
                client.open(1, "streamtype", "error");
                client.open(3, "streamtype", "stdout");
                if (protocol.startsWith("v3")) {
                    client.open(5, "streamtype", "resize");
                }
                old.exits(4);
                assertThat(client.readAll(1)).isEqualTo("command terminated with non-zero exit code: exit status 4");
            }
        }
    }

    @Test
    void halfClosesStandardInput() throws Exception {
        process.readsStdin.countDown();
        try (SpdyClient client = exec()) {
            client.data(3, "in".getBytes(StandardCharsets.UTF_8), false);
            client.data(3, "put".getBytes(StandardCharsets.UTF_8), true);
            assertThat(process.stdinClosed.await(30, TimeUnit.SECONDS)).isTrue();
            assertThat(process.stdin.toString(StandardCharsets.UTF_8)).isEqualTo("input");
            process.exits(0);
            assertThat(client.readAll(1)).isEqualTo("{\"metadata\":{},\"status\":\"Success\"}");
        }
    }

    @Test
    void answersPingsAndHangsUpWhenTheClientLeaves() throws Exception {
        try (SpdyClient client = exec()) {
            client.ping(1);
            SpdyClient.Received pong = client.receive();
            assertThat(pong.type()).isEqualTo(SpdyClient.PING);
            assertThat(pong.stream()).isEqualTo(1);
        }
        assertThat(process.closed.await(30, TimeUnit.SECONDS)).isTrue();
    }

    /** SPDY windows are never updated by Kubernetes' clients: output must not stop at 64 KiB. And a stuck input holds back no output. */
    @Test
    void carriesMuchOutputWhileInputIsStuck() throws IOException {
        byte[] piece = new byte[64 << 10];
        Arrays.fill(piece, (byte) 'x');
        try (SpdyClient client = exec()) {
            client.data(3, new byte[200 << 10], false);
            for (int i = 0; i < 64; i++) {
                process.prints(piece);
            }
            process.exits(0);
            assertThat(client.readAll(5)).hasSize(64 * piece.length);
        }
    }

    @Test
    void takesNoMoreOutputThanTheClientDoes() throws Exception {
        byte[] piece = new byte[64 << 10];
        int pieces = 1024;
        try (SpdyClient client = exec()) {
            for (int i = 0; i < pieces; i++) {
                process.prints(piece);
            }
            process.exits(0);
            // Nobody reads; so what was taken stands still at what the sockets' buffers hold, far below all.
            long before = -1;
            while (process.printed.get() != before || before <= 0) {
                before = process.printed.get();
                Thread.sleep(500);
            }
            assertThat(before).isLessThan((long) pieces * piece.length);
            assertThat(client.readAll(5)).hasSize(pieces * piece.length);
        }
    }

    @Test
    void startsATerminalWithTheSizeThatComesFirst() throws Exception {
        String url = Objects.requireNonNull(server.exec(new ProcessStreams(true, true, false, true), size -> {
            process.sizes.add("first " + (size == null ? "none" : size.width() + "x" + size.height()));
            return process;
        }));
        try (SpdyClient client = new SpdyClient(url, "POST", "v4.channel.k8s.io")) {
            client.open(1, "streamtype", "error");
            client.open(3, "streamtype", "stdin");
            client.open(5, "streamtype", "resize");
            client.data(5, "{\"Width\":101,\"Height\":33}\n{\"Wid".getBytes(StandardCharsets.UTF_8), false);
            client.open(7, "streamtype", "stdout");
            assertThat(process.sizes.poll(30, TimeUnit.SECONDS)).isEqualTo("first 101x33");
            client.data(5, "th\":80,\"Height\":24}\n".getBytes(StandardCharsets.UTF_8), false);
            assertThat(process.sizes.poll(30, TimeUnit.SECONDS)).isEqualTo("80x24");
        }
    }

    /** However much its program does not read: it waits on disk, and arrives whole once it does. */
    @Test
    void aTerminalsSizeComesFromBehindMuchInput() throws Exception {
        byte[] input = new byte[16 << 20];
        new Random(1).nextBytes(input);
        try (SpdyClient client = terminal(server, process)) {
            // A size that comes at once would be the first.
            assertThat(process.sizes.poll(30, TimeUnit.SECONDS)).isEqualTo("none");
            for (int at = 0; at < input.length; at += 64 << 10) {
                client.data(3, Arrays.copyOfRange(input, at, at + (64 << 10)), false);
            }
            client.data(5, "{\"Width\":80,\"Height\":24}".getBytes(StandardCharsets.UTF_8), false);
            assertThat(process.sizes.poll(30, TimeUnit.SECONDS)).isEqualTo("80x24");
            assertThat(server.heldInput()).isLessThan(1 << 20);
            assertThat(server.inputOnDisk()).isGreaterThan(15 << 20);
            client.data(3, new byte[0], true);
            process.readsStdin.countDown();
            assertThat(process.stdinClosed.await(30, TimeUnit.SECONDS)).isTrue();
            assertThat(process.stdin.toByteArray()).isEqualTo(input);
            assertThat(server.inputOnDisk()).isZero();
        }
    }

    static SpdyClient terminal(StreamingServer server, FakeProcess process) throws IOException {
        String url = Objects.requireNonNull(server.exec(new ProcessStreams(true, true, false, true), size -> {
            process.sizes.add(size == null ? "none" : size.width() + "x" + size.height());
            return process;
        }));
        SpdyClient client = new SpdyClient(url, "POST", "v4.channel.k8s.io");
        int id = 1;
        for (String type : new String[] {"error", "stdin", "resize", "stdout"}) {
            client.open(id, "streamtype", type);
            id += 2;
        }
        return client;
    }

    @Test
    void resetOfAForwardedConnectionHurtsNoOther() throws Exception {
        try (ServerSocket pod = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            String port = String.valueOf(pod.getLocalPort());
            String url = Objects.requireNonNull(server.portForward(
                    List.of(), to -> SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), to))));
            try (SpdyClient client = new SpdyClient(url, "POST", "portforward.k8s.io")) {
                pair(client, 1, port, "0");
                try (Socket first = pod.accept()) {
                    pair(client, 5, port, "1");
                    try (Socket second = pod.accept()) {
                        client.reset(3);
                        assertThat(first.getInputStream().read()).isEqualTo(-1);
                        client.data(7, "ping".getBytes(StandardCharsets.UTF_8), true);
                        assertThat(new String(second.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                                .isEqualTo("ping");
                        second.getOutputStream().write("pong".getBytes(StandardCharsets.UTF_8));
                        second.shutdownOutput();
                        assertThat(client.readAll(7)).isEqualTo("pong");
                    }
                }
            }
        }
    }

    @Test
    void tellsAPortThatNobodyListensOn() throws IOException {
        String url = Objects.requireNonNull(server.portForward(List.of(), _ -> {
            throw new IOException("connection refused");
        }));
        try (SpdyClient client = new SpdyClient(url, "POST", "portforward.k8s.io")) {
            pair(client, 1, "81", "0");
            assertThat(client.readAll(1)).isEqualTo("error forwarding port 81: connection refused");
        }
    }

    private static void pair(SpdyClient client, int id, String port, String request) throws IOException {
        client.open(id, "streamtype", "error", "port", port, "requestid", request);
        client.open(id + 2, "streamtype", "data", "port", port, "requestid", request);
        client.data(id, new byte[0], true);
    }

    @Test
    void givesOutAThousandAddressesAtMost() {
        for (int i = 0; i < Tokens.MAX_PENDING; i++) {
            assertThat(server.attach(ALL, _ -> process)).isNotNull();
        }
        assertThat(server.attach(ALL, _ -> process)).isNull();
    }
}
