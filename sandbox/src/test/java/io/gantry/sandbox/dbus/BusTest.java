package io.gantry.sandbox.dbus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against the bytes of the specification, and a service that answers by hand. */
class BusTest {
    private static final Bus.Method PING = new Bus.Method("a.b", "/c", "d.e", "Ping");
    private static final Duration LIMIT = Duration.ofSeconds(20);

    @TempDir
    Path folder;

    private final BlockingQueue<String> signals = new LinkedBlockingQueue<>();
    private ServerSocketChannel server;
    private SocketChannel peer;
    private Bus bus;

    @BeforeEach
    void connect() throws Exception {
        Path socket = folder.resolve("bus");
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(socket));
        CompletableFuture<SocketChannel> greeted = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> greeted.complete(greet(server)));
        bus = Bus.connect(socket, true, (path, member, arguments) -> signals.add(path + " " + member + arguments));
        peer = greeted.get();
    }

    private SocketChannel greet(ServerSocketChannel service) {
        try {
            SocketChannel client = service.accept();
            ByteBuffer text = ByteBuffer.allocate(256);
            while (!new String(text.array(), 0, text.position(), StandardCharsets.US_ASCII).endsWith("\r\n")) {
                client.read(text);
            }
            String uid = String.valueOf(Files.getAttribute(folder, "unix:uid"));
            assertThat(new String(text.array(), 0, text.position(), StandardCharsets.US_ASCII))
                    .isEqualTo("\0AUTH EXTERNAL " + HexFormat.of().formatHex(uid.getBytes(StandardCharsets.US_ASCII))
                            + "\r\n");
            client.write(ByteBuffer.wrap("OK 1234\r\n".getBytes(StandardCharsets.US_ASCII)));
            ByteBuffer begin = ByteBuffer.allocate("BEGIN\r\n".length());
            while (begin.hasRemaining()) {
                client.read(begin);
            }
            return client;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @AfterEach
    void close() throws Exception {
        bus.close();
        peer.close();
        server.close();
    }

    /** Reads one call. */
    private byte[] receive() throws IOException {
        ByteBuffer fixed = ByteBuffer.allocate(Message.FIXED);
        while (fixed.hasRemaining()) {
            peer.read(fixed);
        }
        ByteBuffer whole = ByteBuffer.allocate(Message.length(fixed));
        whole.put(fixed.flip());
        while (whole.hasRemaining()) {
            peer.read(whole);
        }
        return whole.array();
    }

    private void answer(int type, int replySerial, String error, String... texts) throws IOException {
        Writer body = new Writer();
        for (String text : texts) {
            body.text(text);
        }
        Writer message = new Writer();
        message.octet('l')
                .octet(type)
                .octet(0)
                .octet(1)
                .u32(body.toBytes().length)
                .u32(1);
        message.array(8, fields -> {
            fields.align(8).octet(5).signature("u").u32(replySerial);
            if (!error.isEmpty()) {
                fields.align(8).octet(4).signature("s").text(error);
            }
            fields.align(8).octet(8).signature("g").signature("s".repeat(texts.length));
        });
        peer.write(ByteBuffer.wrap(message.align(8).bytes(body.toBytes()).toBytes()));
    }

    /** The bytes that jeepney, a D-Bus library for Python, makes of the same call. */
    @Test
    void aCallIsWhatOtherLibrariesWrite() {
        byte[] bytes = Bus.encode(
                new Bus.Method(
                        "org.freedesktop.systemd1",
                        "/org/freedesktop/systemd1",
                        "org.freedesktop.systemd1.Manager",
                        "StartTransientUnit"),
                List.of(
                        new Value.Text("a.scope"),
                        new Value.Text("fail"),
                        new Value.Properties(List.of(
                                new Value.Property("Slice", new Value.Text("b.slice")),
                                new Value.Property("Delegate", new Value.Flag(true)),
                                new Value.Property("PIDs", new Value.Numbers(List.of(17, (int) 4_000_000_000L))),
                                new Value.Property("MemoryMax", new Value.Unsigned(-2)),
                                new Value.Property("AllowedCPUs", new Value.Bytes(List.of((byte) 7, (byte) 2))),
                                new Value.Property("KillSignal", new Value.Signed(9)),
                                new Value.Property("After", new Value.Texts(List.of("x", "yz"))))),
                        new Value.NoUnits()),
                258);
        assertThat(HexFormat.of().formatHex(bytes))
                .isEqualTo(String.join(
                        "",
                        "6c010001f800000002010000b600000001016f00190000002f6f72672f667265",
                        "656465736b746f702f73797374656d6431000000000000000201730020000000",
                        "6f72672e667265656465736b746f702e73797374656d64312e4d616e61676572",
                        "0000000000000000030173001200000053746172745472616e7369656e74556e",
                        "697400000000000006017300180000006f72672e667265656465736b746f702e",
                        "73797374656d6431000000000000000008016700107373612873762961287361",
                        "287376292900000007000000612e73636f706500040000006661696c00000000",
                        "d30000000000000005000000536c6963650001730000000007000000622e736c",
                        "69636500000000000800000044656c6567617465000162000100000000000000",
                        "04000000504944730002617500000000080000001100000000286bee00000000",
                        "090000004d656d6f72794d61780001740000000000000000feffffffffffffff",
                        "0b000000416c6c6f776564435055730002617900020000000702000000000000",
                        "0a0000004b696c6c5369676e616c000169000000090000000500000041667465",
                        "72000261730000000f000000010000007800000002000000797a000000000000"));
    }

    @Test
    void answersFindTheirCalls() throws Exception {
        Thread service = Thread.ofVirtual().start(() -> {
            try {
                receive();
                receive();
                answer(Message.RETURN, 2, "", "second");
                answer(Message.RETURN, 1, "", "first", "more");
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        BlockingQueue<List<Object>> first = new LinkedBlockingQueue<>();
        Thread caller = Thread.ofVirtual().start(() -> {
            try {
                first.add(bus.call(PING, List.of(), LIMIT));
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        List<Object> later = bus.call(PING, List.of(), LIMIT);
        caller.join();
        service.join();
        assertThat(List.of(later, first.take())).containsExactlyInAnyOrder(List.of("second"), List.of("first", "more"));
    }

    @Test
    void anErrorIsThrownWithItsName() throws Exception {
        Thread.ofVirtual().start(() -> {
            try {
                receive();
                answer(Message.ERROR, 1, "x.NoSuchUnit", "there is none");
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        assertThatThrownBy(() -> bus.call(PING, List.of(), LIMIT))
                .isInstanceOfSatisfying(
                        CallFailedException.class, e -> assertThat(e.name()).isEqualTo("x.NoSuchUnit"))
                .hasMessageContaining("there is none");
    }

    @Test
    void signalsOfAnyByteOrderAreTold() throws Exception {
        // JobRemoved(1, "/j", "u", "done") from a big-endian machine.
        ByteBuffer m = ByteBuffer.allocate(256);
        m.put((byte) 'B')
                .put((byte) 4)
                .put((byte) 0)
                .put((byte) 1)
                .putInt(37)
                .putInt(9)
                .putInt(49);
        m.put((byte) 1)
                .put((byte) 1)
                .put((byte) 'o')
                .put((byte) 0)
                .putInt(2)
                .put("/c\0".getBytes(StandardCharsets.US_ASCII));
        m.position(32);
        m.put((byte) 3)
                .put((byte) 1)
                .put((byte) 's')
                .put((byte) 0)
                .putInt(3)
                .put("Job\0".getBytes(StandardCharsets.US_ASCII));
        m.position(48);
        m.put((byte) 8)
                .put((byte) 1)
                .put((byte) 'g')
                .put((byte) 0)
                .put((byte) 4)
                .put("uoss\0".getBytes(StandardCharsets.US_ASCII));
        int fieldsEnd = m.position();
        m.putInt(12, fieldsEnd - Message.FIXED);
        m.position((fieldsEnd + 7) / 8 * 8);
        int body = m.position();
        m.putInt(1).putInt(2).put("/j\0".getBytes(StandardCharsets.US_ASCII));
        m.position((m.position() + 3) / 4 * 4);
        m.putInt(1).put("u\0".getBytes(StandardCharsets.US_ASCII));
        m.position((m.position() + 3) / 4 * 4);
        m.putInt(4).put("done\0".getBytes(StandardCharsets.US_ASCII));
        m.putInt(4, m.position() - body);
        peer.write(m.flip());
        assertThat(signals.poll(20, TimeUnit.SECONDS)).isEqualTo("/c Job[1, /j, u, done]");
    }

    @Test
    void theEndOfTheConnectionFailsCallsUnderWayAndLaterOnes() throws Exception {
        Thread.ofVirtual().start(() -> {
            try {
                receive();
                peer.close();
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
        assertThatThrownBy(() -> bus.call(PING, List.of(), LIMIT)).isInstanceOf(IOException.class);
        assertThat(bus.isOpen()).isFalse();
        assertThatThrownBy(() -> bus.call(PING, List.of(), LIMIT)).isInstanceOf(IOException.class);
    }

    @Test
    void garbageEndsTheConnection() throws Exception {
        peer.write(ByteBuffer.wrap(HexFormat.of().parseHex("6c020001ffffffff01000000ffffffff")));
        assertThatThrownBy(() -> bus.call(PING, List.of(), LIMIT)).isInstanceOf(IOException.class);
    }
}
