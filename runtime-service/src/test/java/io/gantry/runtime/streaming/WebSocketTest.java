package io.gantry.runtime.streaming;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** WebSockets byte by byte, as RFC 6455 has them. */
@Timeout(60)
class WebSocketTest {
    private static final ProcessStreams ALL = new ProcessStreams(true, true, true, false);
    private static final int CONTINUATION = 0;
    private static final int TEXT = 1;
    private static final int BINARY = 2;
    private static final int CLOSE = 8;
    private static final int PING = 9;
    private static final int PONG = 10;

    private final StreamingServer server = start();
    private final FakeProcess process = new FakeProcess();

    private static StreamingServer start() {
        try {
            return StreamingServer.start(new StreamingConfig("127.0.0.1", 0, Path.of("target"), null));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @AfterEach
    void stop() {
        server.close();
    }

    @SuppressWarnings("ArrayRecordComponent")
    private record Frame(boolean fin, int opcode, byte[] payload) {
        String text() {
            return new String(payload, StandardCharsets.UTF_8);
        }
    }

    private static final class Client implements AutoCloseable {
        private final Socket socket;
        private final DataInputStream in;
        private final DataOutputStream out;
        private final String answer;

        private Client(String url, String protocol) throws IOException {
            URI uri = URI.create(url);
            socket = new Socket(uri.getHost(), uri.getPort());
            socket.setSoTimeout(30_000);
            in = new DataInputStream(socket.getInputStream());
            out = new DataOutputStream(socket.getOutputStream());
            out.writeBytes(
                    "GET " + uri.getPath() + " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                            + (protocol.isEmpty() ? "" : "Sec-WebSocket-Protocol: " + protocol + "\r\n") + "\r\n");
            StringBuilder read = new StringBuilder();
            while (read.indexOf("\r\n\r\n") < 0) {
                int next = in.read();
                if (next < 0) {
                    break;
                }
                read.append((char) next);
            }
            answer = read.toString();
        }

        private void send(boolean fin, int opcode, byte[] payload) throws IOException {
            ByteArrayOutputStream frame = new ByteArrayOutputStream();
            DataOutputStream bytes = new DataOutputStream(frame);
            bytes.writeByte((fin ? 0x80 : 0) | opcode);
            if (payload.length < 126) {
                bytes.writeByte(0x80 | payload.length);
            } else if (payload.length < 1 << 16) {
                bytes.writeByte(0x80 | 126);
                bytes.writeShort(payload.length);
            } else {
                bytes.writeByte(0x80 | 127);
                bytes.writeLong(payload.length);
            }
            byte[] mask = {1, 2, 3, (byte) 0xf4};
            bytes.write(mask);
            for (int i = 0; i < payload.length; i++) {
                bytes.write(payload[i] ^ mask[i % 4]);
            }
            out.write(frame.toByteArray());
        }

        private void send(int channel, String text) throws IOException {
            byte[] bytes = ("." + text).getBytes(StandardCharsets.UTF_8);
            bytes[0] = (byte) channel;
            send(true, BINARY, bytes);
        }

        private Frame receive() throws IOException {
            int first = in.readUnsignedByte();
            int length = in.readUnsignedByte();
            long size = length == 126 ? in.readUnsignedShort() : length == 127 ? in.readLong() : length;
            return new Frame((first & 0x80) != 0, first & 0xf, in.readNBytes((int) size));
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    private Client exec(String protocol) throws IOException {
        Client client = new Client(Objects.requireNonNull(server.exec(ALL, _ -> process)), protocol);
        assertThat(client.answer).startsWith("HTTP/1.1 101 ");
        assertThat(client.receive().payload()).hasSize(1);
        return client;
    }

    @Test
    void aLargeFrameAndFragmentsArriveInOrder() throws Exception {
        process.readsStdin.countDown();
        byte[] large = new byte[3 << 20];
        new Random(3).nextBytes(large);
        large[0] = 0;
        try (Client client = exec("v5.channel.k8s.io")) {
            client.send(true, BINARY, large);
            client.send(false, BINARY, new byte[] {0, 'a'});
            client.send(false, CONTINUATION, new byte[] {});
            client.send(true, PING, new byte[] {7});
            client.send(true, CONTINUATION, new byte[] {'b', 'c'});
            client.send(true, BINARY, new byte[] {(byte) 255, 0});
            assertThat(process.stdinClosed.await(30, TimeUnit.SECONDS)).isTrue();
            byte[] expected = Arrays.copyOfRange(large, 1, large.length + 3);
            System.arraycopy("abc".getBytes(StandardCharsets.UTF_8), 0, expected, large.length - 1, 3);
            assertThat(process.stdin.toByteArray()).isEqualTo(expected);
            Frame pong = client.receive();
            assertThat(pong.opcode()).isEqualTo(PONG);
            assertThat(pong.payload()).containsExactly(7);
            process.prints("out".getBytes(StandardCharsets.UTF_8));
            process.exits(0);
            assertThat(client.receive().text()).isEqualTo("\1out");
            assertThat(client.receive().text()).startsWith("\3{").contains("Success");
            Frame end = client.receive();
            assertThat(end.opcode()).isEqualTo(CLOSE);
            client.send(true, CLOSE, end.payload());
            assertThat(client.in.read()).as("nothing after the end").isEqualTo(-1);
        }
    }

    @Test
    void aClientsCloseIsAnsweredAndHangsUp() throws Exception {
        try (Client client = exec("v5.channel.k8s.io")) {
            client.send(true, CLOSE, new byte[] {3, (byte) 0xe8});
            Frame end = client.receive();
            assertThat(end.opcode()).isEqualTo(CLOSE);
            assertThat(end.payload()).containsExactly(3, 0xe8);
            assertThat(client.in.read()).isEqualTo(-1);
        }
        assertThat(process.closed.await(30, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void base64IsDecodedHoweverItIsCut() throws Exception {
        process.readsStdin.countDown();
        String text = "0"
                + Base64.getMimeEncoder()
                        .encodeToString("some input, long enough for a line end, and some more of it"
                                .getBytes(StandardCharsets.UTF_8));
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        try (Client client = exec("v4.base64.channel.k8s.io")) {
            client.send(false, TEXT, Arrays.copyOf(bytes, 6));
            client.send(false, CONTINUATION, Arrays.copyOfRange(bytes, 6, 11));
            client.send(true, CONTINUATION, Arrays.copyOfRange(bytes, 11, bytes.length));
            process.prints("out".getBytes(StandardCharsets.UTF_8));
            assertThat(client.receive().text()).isEqualTo("1" + "b3V0");
            while (process.stdin.size() < 59) {
                Thread.sleep(10);
            }
            assertThat(process.stdin.toString(StandardCharsets.UTF_8))
                    .startsWith("some input")
                    .endsWith("more of it");
        }
    }

    @Test
    void olderProtocolsAreToldTheOutcomeAsTheyKnowIt() throws Exception {
        for (String protocol : List.of("channel.k8s.io", "")) {
            FakeProcess old = new FakeProcess();
            try (Client client = new Client(Objects.requireNonNull(server.exec(ALL, _ -> old)), protocol)) {
                assertThat(client.receive().payload()).hasSize(1);
                client.send(4, "{\"Width\":1}");
                old.exits(3);
                assertThat(client.receive().text())
                        .isEqualTo("\3command terminated with non-zero exit code: exit status 3");
                assertThat(client.receive().opcode()).isEqualTo(CLOSE);
            }
        }
    }

    @Test
    void framesAgainstTheRulesEndTheConnection() throws Exception {
        byte[][] wrong = {
            {(byte) 0x82, 3, 0, 'x', 'y'}, // no mask
            {(byte) 0xc2, (byte) 0x81, 0, 0, 0, 0, 0}, // an extension
            {(byte) 0x80, (byte) 0x81, 0, 0, 0, 0, 0}, // goes on with nothing
            {0x09, (byte) 0x80, 0, 0, 0, 0}, // a ping in parts
            {(byte) 0x83, (byte) 0x81, 0, 0, 0, 0, 0}, // of no kind
            {(byte) 0x82, (byte) 0xff, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0}, // negative
        };
        for (byte[] frame : wrong) {
            FakeProcess own = new FakeProcess();
            try (Client client = new Client(Objects.requireNonNull(server.exec(ALL, _ -> own)), "v5.channel.k8s.io")) {
                client.receive();
                client.out.write(frame);
                assertThat(client.in.read()).isEqualTo(-1);
                assertThat(own.closed.await(30, TimeUnit.SECONDS)).isTrue();
            }
        }
    }

    @Test
    void portsNamedBeforehandAreForwardedByChannels() throws Exception {
        try (ServerSocket pod = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
            int port = pod.getLocalPort();
            int nobody = unusedPort();
            String url = Objects.requireNonNull(server.portForward(
                    List.of(port, nobody),
                    to -> SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), to))));
            try (Client client = new Client(url, "v4.channel.k8s.io")) {
                for (int channel = 0; channel < 4; channel++) {
                    int number = channel < 2 ? port : nobody;
                    assertThat(receiveData(client)).containsExactly(channel, (byte) number, (byte) (number >> 8));
                }
                assertThat(new String(receiveData(client), StandardCharsets.UTF_8))
                        .startsWith("\3error forwarding port " + nobody + ": ");
                try (Socket accepted = pod.accept()) {
                    client.send(0, "ping");
                    assertThat(accepted.getInputStream().readNBytes(4))
                            .asString()
                            .isEqualTo("ping");
                    accepted.getOutputStream().write("pong".getBytes(StandardCharsets.UTF_8));
                    assertThat(receiveData(client)).asString().isEqualTo("\0pong");
                }
                assertThat(client.receive().opcode()).isEqualTo(CLOSE);
            }
        }
        try (Client none = new Client(
                Objects.requireNonNull(server.portForward(List.of(), _ -> SocketChannel.open())),
                "v4.channel.k8s.io")) {
            assertThat(none.answer).startsWith("HTTP/1.1 400 ");
        }
    }

    private static int unusedPort() throws IOException {
        try (ServerSocket closed = new ServerSocket(0)) {
            return closed.getLocalPort();
        }
    }

    private static byte[] receiveData(Client client) throws IOException {
        Frame frame = client.receive();
        assertThat(frame.opcode()).isEqualTo(BINARY);
        return frame.payload();
    }
}
