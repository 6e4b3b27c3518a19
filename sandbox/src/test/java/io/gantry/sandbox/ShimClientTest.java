package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.linux.ProcessId;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The client against shims that misbehave. */
class ShimClientTest {
    private static final Duration BRIEF = Duration.ofMillis(300);

    @TempDir
    Path folder;

    private ServerSocketChannel server;
    private Shim shim;
    private final BlockingQueue<List<Frame>> requests = new LinkedBlockingQueue<>();

    private interface Answer {
        void to(SocketChannel client) throws Exception;
    }

    @BeforeEach
    void listen() throws Exception {
        // Longer than a Unix socket's address may be.
        Path run = Files.createDirectories(folder.resolve("x".repeat(120)).resolve("pod1"));
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        // The JDK checks the length of the path that it is given.
        try (var fd = io.gantry.linux.Fd.open(run, io.gantry.linux.OpenFlags.PATH, 0)) {
            server.bind(UnixDomainSocketAddress.of(fd.path().resolve("shim.sock")));
        }
        ProcessId self = ProcessId.of(ProcessHandle.current().pid()).orElseThrow();
        shim = new Shim(run, self, new Shim.Deadlines(BRIEF, BRIEF, BRIEF, BRIEF));
    }

    @AfterEach
    void close() throws Exception {
        server.close();
    }

    private void answer(Answer answer) {
        Thread.ofVirtual().start(() -> {
            try (SocketChannel client = server.accept()) {
                requests.add(List.of(read(client), read(client)));
                answer.to(client);
            } catch (Exception e) {
                // The test sees a connection that ends.
            }
        });
    }

    private static Frame read(SocketChannel channel) throws IOException {
        ByteBuffer header = fill(channel, 8).order(ByteOrder.LITTLE_ENDIAN);
        int length = header.getInt();
        int type = header.get();
        return new Frame(type, fill(channel, length).array());
    }

    private static ByteBuffer fill(SocketChannel channel, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes) < 0) {
                throw new IOException("the client has closed");
            }
        }
        return bytes.flip();
    }

    private static void write(SocketChannel channel, Frame... frames) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Frame.encode(frames));
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private void assertFailure(SandboxException.Kind kind, String message, ThrowingCallable call) {
        assertThatThrownBy(call)
                .hasMessageContaining(message)
                .isInstanceOfSatisfying(
                        SandboxException.class, e -> assertThat(e.kind()).isEqualTo(kind));
    }

    @Test
    void aRequestGreetsAndAsks() throws Exception {
        answer(client -> write(client, Frame.hello(), Frame.text(Frame.OK, "started", "123")));
        assertThat(shim.start("c1")).isEqualTo(123);
        List<Frame> sent = requests.take();
        assertThat(sent.get(0).fields()).containsExactly("gantry-shim", "1");
        assertThat(sent.get(1).type()).isEqualTo(Frame.START);
        assertThat(sent.get(1).fields()).containsExactly("c1");
    }

    @Test
    void aFrozenShimDoesNotHangTheCaller() {
        CountDownLatch never = new CountDownLatch(1);
        answer(client -> never.await());
        assertFailure(SandboxException.Kind.UNAVAILABLE, "shim of pod pod1 does not answer", () -> shim.state());
        answer(client -> {
            write(client, Frame.hello());
            never.await();
        });
        assertFailure(SandboxException.Kind.UNAVAILABLE, "shim of pod pod1 does not answer", () -> shim.start("c"));
        // Nobody accepts at all: the kernel connects us to the backlog.
        assertFailure(SandboxException.Kind.UNAVAILABLE, "shim of pod pod1 does not answer", () -> shim.delete("c"));
        never.countDown();
    }

    @Test
    void aShimThatIsGone() throws Exception {
        answer(client -> {});
        assertFailure(SandboxException.Kind.UNAVAILABLE, "without an answer", () -> shim.reopenLog("c"));
        server.close();
        assertFailure(SandboxException.Kind.UNAVAILABLE, "shim of pod pod1 is gone", () -> shim.state());
        Shim nowhere = new Shim(folder.resolve("none"), shim.process());
        assertFailure(SandboxException.Kind.UNAVAILABLE, "shim of pod none is gone", nowhere::state);
    }

    @Test
    void aShimThatBreaksTheProtocol() {
        answer(client -> write(client, Frame.text(Frame.HELLO, "something else")));
        assertFailure(SandboxException.Kind.INTERNAL, "does not greet as a shim", () -> shim.state());
        answer(client -> write(client, Frame.hello(), Frame.text(99)));
        assertFailure(SandboxException.Kind.INTERNAL, "a frame of type 99", () -> shim.state());
        answer(client -> client.write(ByteBuffer.wrap(new byte[] {-1, -1, -1, 127, 64, 0, 0, 0})));
        assertFailure(SandboxException.Kind.INTERNAL, "a frame of 2147483647 bytes", () -> shim.state());
        answer(client -> {
            write(client, Frame.hello());
            client.write(ByteBuffer.wrap(new byte[] {100, 0, 0, 0, 64, 0, 0, 0, 1}));
        });
        assertFailure(SandboxException.Kind.UNAVAILABLE, "ended inside a frame", () -> shim.state());
        answer(client -> write(client, Frame.hello(), Frame.text(Frame.OK, "started", "soon")));
        assertFailure(SandboxException.Kind.INTERNAL, "gave no started", () -> shim.start("c"));
        answer(client -> write(client, Frame.hello(), Frame.text(Frame.OK, "container", "c", "running")));
        assertFailure(SandboxException.Kind.INTERNAL, "cannot ask the shim", () -> shim.state());
    }

    @Test
    void failuresHaveKindStepAndErrno() throws Exception {
        answer(client -> write(
                client,
                Frame.hello(),
                Frame.text(Frame.ERROR, "exec", "/bin/x", "2", "cannot run it: No such file or directory")));
        assertThatThrownBy(() -> shim.start("c"))
                .hasMessage("cannot start container c: exec /bin/x: cannot run it: No such file or directory (ENOENT)")
                .isInstanceOfSatisfying(SandboxException.class, e -> {
                    assertThat(e.kind()).isEqualTo(SandboxException.Kind.INTERNAL);
                    assertThat(e.step()).isEqualTo("exec");
                    assertThat(e.errno()).isEqualTo(2);
                });
        answer(client ->
                write(client, Frame.hello(), Frame.text(Frame.ERROR, "delete", "c", "2", "there is no such one")));
        assertFailure(SandboxException.Kind.NOT_FOUND, "cannot delete container c", () -> shim.delete("c"));
        answer(client -> write(client, Frame.hello(), Frame.text(Frame.ERROR, "delete", "c", "16", "it is running")));
        assertFailure(SandboxException.Kind.FAILED_PRECONDITION, "it is running", () -> shim.delete("c"));
        answer(client -> write(client, Frame.hello(), Frame.text(Frame.ERROR, "kill", "c", "3", "it has exited")));
        assertThat(shim.kill("c", 15, false)).isFalse();
    }

    @Test
    void aBadSpecIsTheCallersFault() {
        ProcessSpec process = ProcessSpec.builder(List.of("a\0b")).build();
        ExecSpec spec = new ExecSpec("c", process, CgroupPlacement.NONE, false, null, null);
        assertFailure(SandboxException.Kind.INVALID, "a NUL inside", () -> shim.exec(spec));
    }

    @Test
    void waitingEndsInTimeOrWithTheExit() throws Exception {
        CountDownLatch never = new CountDownLatch(1);
        answer(client -> never.await());
        assertThat(shim.waitFor("c", Duration.ofMillis(50))).isEmpty();
        never.countDown();
        Frame exit = Frame.text(Frame.EXIT, "id", "c", "code", 3, "signal", 0, "oom", 0, "started", 1, "finished", 2);
        answer(client -> {
            // Longer than the deadline of an ordinary request.
            Thread.sleep(BRIEF.multipliedBy(2));
            write(client, Frame.hello(), exit);
        });
        assertThat(shim.waitFor("c")).isEqualTo(new ContainerExit("c", 3, 0, false, false, 1, 2));
        answer(client -> write(client, Frame.hello(), exit));
        assertThat(shim.waitFor("c", Duration.ofMinutes(1)).map(ContainerExit::code))
                .isEqualTo(Optional.of(3));
    }

    private static final ExecSpec EXEC =
            new ExecSpec("c", ProcessSpec.builder(List.of("x")).build(), CgroupPlacement.NONE, false, null, null);

    @Test
    void execSyncHandsOutWhatIsPrinted() throws Exception {
        answer(client -> {
            write(client, Frame.hello(), Frame.text(Frame.OK, "pid", "7"));
            for (int i = 0; i < 20; i++) {
                write(client, new Frame(Frame.STDOUT, new byte[60_000]));
            }
            write(client, new Frame(Frame.STDERR, new byte[] {'e'}));
            write(
                    client,
                    Frame.text(
                            Frame.EXIT,
                            "id",
                            "c",
                            "code",
                            137,
                            "signal",
                            9,
                            "oom",
                            0,
                            "timeout",
                            1,
                            "started",
                            1,
                            "finished",
                            2));
        });
        ExecResult result = ExecResult.of(shim, EXEC);
        assertThat(result.stdout()).hasSize(1_200_000);
        assertThat(result.stderr()).containsExactly('e');
        assertThat(result.exitCode()).isEqualTo(137);
        assertThat(result.timedOut()).isTrue();
    }

    @Test
    void anExecWhoseShimDiesOrFreezes() {
        answer(client -> write(client, Frame.hello(), Frame.text(Frame.OK, "pid", "7")));
        assertFailure(SandboxException.Kind.UNAVAILABLE, "ended the connection", () -> ExecResult.of(shim, EXEC));
        CountDownLatch never = new CountDownLatch(1);
        answer(client -> {
            write(client, Frame.hello(), Frame.text(Frame.OK, "pid", "7"));
            never.await();
        });
        ExecSpec limited = new ExecSpec("c", EXEC.process(), CgroupPlacement.NONE, false, Duration.ofMillis(10), null);
        assertFailure(SandboxException.Kind.UNAVAILABLE, "does not answer", () -> ExecResult.of(shim, limited));
        never.countDown();
    }

    @Test
    void aSessionCopiesBothWays() throws Exception {
        CountDownLatch done = new CountDownLatch(1);
        List<Frame> received = new ArrayList<>();
        answer(client -> {
            write(client, Frame.hello(), Frame.text(Frame.OK, "pid", "7"));
            for (int i = 0; i < 3; i++) {
                received.add(read(client));
            }
            write(client, new Frame(Frame.STDOUT, new byte[] {1}), new Frame(Frame.STDERR, new byte[] {2}));
            done.await();
        });
        try (StreamSession session = shim.exec(EXEC)) {
            assertThat(session.pid()).isEqualTo(7);
            session.stdin(new byte[Frame.MAX_DATA + 1]);
            session.closeStdin();
            assertThat(session.next()).isInstanceOf(StreamEvent.Stdout.class);
            assertThat(session.next()).isInstanceOf(StreamEvent.Stderr.class);
            assertThat(received).extracting(Frame::type).containsExactly(Frame.STDIN, Frame.STDIN, Frame.STDIN_EOF);
            assertThat(received.get(1).payload()).hasSize(1);
            Thread closer = Thread.ofVirtual().start(session::close);
            // Closing it from elsewhere ends a read.
            assertThat(session.next()).isNull();
            closer.join();
        }
        done.countDown();
    }

    @Test
    void aSizeHasAConnectionOfItsOwn() throws Exception {
        CountDownLatch done = new CountDownLatch(1);
        answer(client -> {
            write(client, Frame.hello(), Frame.text(Frame.OK, "pid", "7"));
            done.await();
        });
        try (StreamSession session = shim.exec(EXEC)) {
            requests.take();
            answer(client -> write(client, Frame.hello(), Frame.text(Frame.OK)));
            session.resize(80, 24);
            Frame size = requests.take().get(1);
            assertThat(size.type()).isEqualTo(Frame.SIZE);
            assertThat(size.fields()).containsExactly(EXEC.container(), "7", "80", "24");
            answer(client -> write(client, Frame.hello(), Frame.text(Frame.ERROR, "size", "c", 3, "it has exited")));
            session.resize(81, 25);
        }
        done.countDown();
    }

    @Test
    void aShimOfAnOlderBuildIsToldSizesAsItKnowsThem() throws Exception {
        BlockingQueue<Frame> received = new LinkedBlockingQueue<>();
        answer(client -> {
            write(client, Frame.hello(), Frame.text(Frame.OK, "pid", "7"));
            received.add(read(client));
            received.add(read(client));
        });
        try (StreamSession session = shim.exec(EXEC)) {
            requests.take();
            answer(client -> write(client, Frame.hello(), Frame.text(Frame.ERROR, "request", "", 38, "unknown")));
            session.resize(80, 24);
            // The next one asks no more.
            session.resize(132, 43);
            Frame first = received.take();
            assertThat(first.type()).isEqualTo(Frame.RESIZE);
            assertThat(first.fields()).containsExactly("80", "24");
            assertThat(received.take().fields()).containsExactly("132", "43");
        }
    }

    @Test
    void eventsComeUntilEitherSideEnds() throws Exception {
        Frame exit = Frame.text(Frame.EXIT, "id", "c", "code", 0, "signal", 0, "oom", 1, "started", 1, "finished", 2);
        answer(client -> write(client, Frame.hello(), Frame.text(Frame.OK), exit, exit));
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        try (Shim.Subscription subscription =
                shim.events(e -> seen.add(e.id() + " " + e.oomKilled()), () -> seen.add("ended"))) {
            assertThat(subscription).isNotNull();
            assertThat(seen.take()).isEqualTo("c true");
            assertThat(seen.take()).isEqualTo("c true");
            assertThat(seen.take()).isEqualTo("ended");
        }
        CountDownLatch closed = new CountDownLatch(1);
        answer(client -> {
            write(client, Frame.hello(), Frame.text(Frame.OK));
            client.read(ByteBuffer.allocate(1));
            closed.countDown();
        });
        shim.events(e -> seen.add("no"), () -> seen.add("no")).close();
        closed.await();
        assertThat(seen).isEmpty();
    }
}
