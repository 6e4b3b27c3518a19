package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Port-forwards over SPDY, to servers in a pod of its own network and in one of the host's. */
@BlackBox
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PortForwardTest {
    private static final int MEGABYTES = Integer.getInteger("streaming.megabytes", 48);

    private final Cri cri;
    private final TestPod pod;

    PortForwardTest(Cri cri) {
        this.cri = cri;
        this.pod = TestPod.run(cri);
        // 7: echo. 81: on ::1 alone. 82: tells what it got. 83: sends much. 84: takes nothing.
        String id = pod.runIdle(config -> config.clearCommand()
                .addCommand("sh")
                .addCommand("-c")
                .addCommand(
                        "ip addr add ::1/128 dev lo 2>/dev/null; tcpsvd -c 500 -b 500 127.0.0.1 7 cat & tcpsvd ::1 81 echo six &"
                                + " tcpsvd 127.0.0.1 82 sha256sum & tcpsvd 127.0.0.1 83 sh -c 'head -c "
                                + ((long) MEGABYTES << 20)
                                + " /dev/zero' & tcpsvd 127.0.0.1 84 sleep 1000 & sleep 100000"));
        Wait.until(
                "all servers listen",
                () -> cri.shell(id, "netstat -ltn")
                                .lines()
                                .filter(line -> line.contains("LISTEN"))
                                .count()
                        == 5);
    }

    @AfterAll
    void removePod() {
        pod.close();
    }

    /** One forwarded connection. */
    private record Pair(StreamChannel error, StreamChannel data) {
        static Pair open(SpdyConnection connection, int port, int request) throws IOException {
            String[] rest = {"port", String.valueOf(port), "requestid", String.valueOf(request)};
            StreamChannel error = connection.open("streamtype", "error", rest[0], rest[1], rest[2], rest[3]);
            error.end();
            return new Pair(error, connection.open("streamtype", "data", rest[0], rest[1], rest[2], rest[3]));
        }
    }

    @Test
    void carriesBothWaysAndHalfCloses() throws IOException {
        try (SpdyConnection connection = Streaming.portForward(cri, pod.id())) {
            Pair pair = Pair.open(connection, 7, 0);
            pair.data().write("hello");
            pair.data().until("hello");
            pair.data().write("more");
            pair.data().end();
            assertThat(pair.data().text()).isEqualTo("more");
            assertThat(pair.error().text()).isEmpty();
        }
    }

    @Test
    void manyConnectionsGoOverOne() throws Exception {
        try (SpdyConnection connection = Streaming.portForward(cri, pod.id())) {
            List<CompletableFuture<String>> all = new ArrayList<>();
            List<Pair> pairs = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                Pair pair = Pair.open(connection, 7, i);
                pairs.add(pair);
                pair.data().write("connection " + i);
                pair.data().end();
                all.add(CompletableFuture.supplyAsync(pair.data()::text));
            }
            for (int i = 0; i < all.size(); i++) {
                Pair pair = pairs.get(i);
                assertThat(all.get(i).get())
                        .as(() -> "broken " + pair.data().isBroken() + ", error "
                                + pair.error().text())
                        .isEqualTo("connection " + i);
            }
        }
    }

    @Test
    void aServerOnIpv6AloneIsReached() throws IOException {
        try (SpdyConnection connection = Streaming.portForward(cri, pod.id())) {
            assertThat(Pair.open(connection, 81, 0).data().text()).isEqualTo("six\n");
        }
    }

    @Test
    void nobodyThereIsToldAndOthersGoOn() throws IOException {
        try (SpdyConnection connection = Streaming.portForward(cri, pod.id())) {
            Pair echo = Pair.open(connection, 7, 0);
            Pair nobody = Pair.open(connection, 79, 1);
            assertThat(nobody.error().text()).contains("port 79", "Connection refused");
            assertThat(nobody.data().text()).isEmpty();
            echo.data().write("still");
            echo.data().until("still");
        }
    }

    @Test
    void aResetOrAStuckOneHurtsNoOther() throws IOException {
        try (SpdyConnection connection = Streaming.portForward(cri, pod.id())) {
            Pair echo = Pair.open(connection, 7, 0);
            echo.data().write("before");
            echo.data().until("before");
            Pair reset = Pair.open(connection, 7, 1);
            reset.data().write("x");
            reset.data().until("x");
            reset.data().reset();
            Pair stuck = Pair.open(connection, 84, 2);
            stuck.data().write(new byte[100 << 10]);
            echo.data().write("after");
            echo.data().until("after");
        }
    }

    @Test
    void muchGoesInUnchanged() throws IOException {
        try (SpdyConnection connection = Streaming.portForward(cri, pod.id())) {
            Pair pair = Pair.open(connection, 82, 0);
            MessageDigest digest = StreamChannel.sha256();
            byte[] piece = new byte[1 << 20];
            Random random = new Random(2);
            for (int i = 0; i < MEGABYTES; i++) {
                random.nextBytes(piece);
                digest.update(piece);
                pair.data().write(piece);
            }
            pair.data().end();
            assertThat(pair.data().text()).startsWith(HexFormat.of().formatHex(digest.digest()));
        }
    }

    @Test
    void muchComesOutUnchanged() throws IOException {
        MessageDigest digest = StreamChannel.sha256();
        for (int i = 0; i < MEGABYTES; i++) {
            digest.update(new byte[1 << 20]);
        }
        try (SpdyConnection connection = Streaming.portForward(cri, pod.id())) {
            assertThat(Pair.open(connection, 83, 0).data().digest())
                    .isEqualTo(HexFormat.of().formatHex(digest.digest()) + " " + ((long) MEGABYTES << 20));
        }
    }

    @Test
    void aPodInTheHostsNetworkForwardsToTheHost() throws IOException {
        try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
                TestPod host = TestPod.runOnHostNetwork(cri);
                SpdyConnection connection = Streaming.portForward(cri, host.id())) {
            Pair pair = Pair.open(connection, server.getLocalPort(), 0);
            pair.data().write("to the host");
            pair.data().end();
            try (Socket accepted = server.accept();
                    InputStream in = accepted.getInputStream()) {
                assertThat(new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8))
                        .isEqualTo("to the host");
            }
        }
    }

    @Test
    void aPodThatStopsEndsItsConnections() throws IOException {
        try (TestPod stopped = TestPod.run(cri)) {
            String id = stopped.runIdle(config -> config.clearCommand()
                    .addCommand("tcpsvd")
                    .addCommand("0.0.0.0")
                    .addCommand("7")
                    .addCommand("cat"));
            Wait.until("it listens", () -> cri.shell(id, "netstat -ltn").contains(":7 "));
            try (SpdyConnection connection = Streaming.portForward(cri, stopped.id())) {
                Pair pair = Pair.open(connection, 7, 0);
                pair.data().write("on");
                pair.data().until("on");
                stopped.stop();
                assertThat(pair.data().text()).isEmpty();
                Pair late = Pair.open(connection, 7, 1);
                assertThat(late.error().text()).contains("port 7").contains(stopped.id());
            }
        }
    }
}
