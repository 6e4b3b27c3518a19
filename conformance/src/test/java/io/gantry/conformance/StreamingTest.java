package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.AttachRequest;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.ContainerState;
import io.gantry.cri.v1.ExecRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Exec and attach without a terminal. {@code -Dstreaming.megabytes=1024} makes the transfers that large. */
@BlackBox
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StreamingTest {
    private static final String SUCCESS = "{\"metadata\":{},\"status\":\"Success\"}";
    private static final int MEGABYTES = Integer.getInteger("streaming.megabytes", 48);

    private final Cri cri;
    private final TestPod pod;
    private final String idle;

    StreamingTest(Cri cri) {
        this.cri = cri;
        this.pod = TestPod.runOnHostNetwork(cri);
        this.idle = pod.runIdle();
    }

    @AfterAll
    void removePod() {
        pod.close();
    }

    @ParameterizedTest
    @EnumSource
    void outputsAndCodeComeApart(Streaming over) throws IOException {
        try (StreamSession session =
                over.exec(cri, idle, StreamSession.Wanted.OUTPUT, "sh", "-c", "echo out; echo err >&2; exit 42")) {
            assertThat(session.stdout().text()).isEqualTo("out\n");
            assertThat(session.stderr().text()).isEqualTo("err\n");
            assertThat(session.error().text())
                    .isEqualTo("{\"metadata\":{},\"status\":\"Failure\",\"reason\":\"NonZeroExitCode\","
                            + "\"message\":\"command terminated with non-zero exit code: exit status 42\","
                            + "\"details\":{\"causes\":[{\"reason\":\"ExitCode\",\"message\":\"42\"}]}}");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSignalIsToldAsItsCode(Streaming over) throws IOException {
        try (StreamSession session =
                over.exec(cri, idle, StreamSession.Wanted.OUTPUT, "sh", "-c", "kill -TERM $$; sleep 100")) {
            assertThat(session.error().text()).contains("{\"reason\":\"ExitCode\",\"message\":\"143\"}");
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatCannotBeRunIsTold(Streaming over) throws IOException {
        try (StreamSession session = over.exec(cri, idle, StreamSession.Wanted.OUTPUT, "no-such-command")) {
            assertThat(session.error().text())
                    .contains("\"reason\":\"InternalError\"", "\"code\":500", "error executing command in container")
                    .contains("exec: \\\"no-such-command\\\": executable file not found in $PATH");
        }
        try (StreamSession session = over.exec(cri, idle, StreamSession.Wanted.OUTPUT, "/etc")) {
            assertThat(session.error().text()).contains("exec: \\\"/etc\\\": Permission denied");
        }
        try (StreamSession session = over.exec(cri, idle, StreamSession.Wanted.OUTPUT, "/none")) {
            assertThat(session.error().text()).contains("exec: \\\"/none\\\": No such file or directory");
        }
    }

    @ParameterizedTest
    @EnumSource
    void manyBytesGoInAndTheEndOfInputIsSeen(Streaming over) throws Exception {
        try (StreamSession session = over.exec(cri, idle, StreamSession.Wanted.ALL, "sha256sum")) {
            MessageDigest digest = StreamChannel.sha256();
            byte[] piece = new byte[1 << 20];
            Random random = new Random(1);
            for (int i = 0; i < MEGABYTES; i++) {
                random.nextBytes(piece);
                digest.update(piece);
                session.stdin().write(piece);
            }
            session.stdin().end();
            assertThat(session.stdout().text()).startsWith(HexFormat.of().formatHex(digest.digest()));
            assertThat(session.error().text()).isEqualTo(SUCCESS);
        }
    }

    @ParameterizedTest
    @EnumSource
    void manyBytesComeOutUnchanged(Streaming over) throws Exception {
        String line = "dd if=/dev/urandom bs=1M count=" + MEGABYTES + " 2>/dev/null | tee /dev/fd/3 | sha256sum >&2";
        try (StreamSession session =
                over.exec(cri, idle, StreamSession.Wanted.OUTPUT, "sh", "-c", "exec 3>&1; " + line)) {
            CompletableFuture<String> told = CompletableFuture.supplyAsync(session.stderr()::text);
            String came = session.stdout().digest();
            assertThat(came).endsWith(" " + ((long) MEGABYTES << 20));
            assertThat(told.get()).startsWith(came.substring(0, 64));
            assertThat(session.error().text()).isEqualTo(SUCCESS);
        }
    }

    @ParameterizedTest
    @EnumSource
    void manyAtOnceDoNotMix(Streaming over) throws Exception {
        List<CompletableFuture<String>> all = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            String own = "client " + i + "\n";
            CompletableFuture<String> one = new CompletableFuture<>();
            all.add(one);
            Thread.ofVirtual().start(() -> {
                try (StreamSession session = over.exec(cri, idle, StreamSession.Wanted.ALL, "cat")) {
                    for (int line = 0; line < 1000; line++) {
                        session.stdin().write(own);
                    }
                    session.stdin().end();
                    one.complete(session.stdout().text());
                } catch (IOException | RuntimeException e) {
                    one.completeExceptionally(e);
                }
            });
        }
        for (int i = 0; i < all.size(); i++) {
            assertThat(all.get(i).get()).isEqualTo(("client " + i + "\n").repeat(1000));
        }
    }

    @ParameterizedTest
    @EnumSource
    void aContainerThatEndsTakesItsExecsAlong(Streaming over) throws IOException {
        String doomed = pod.runIdle();
        try (StreamSession session = over.exec(
                cri, doomed, StreamSession.Wanted.OUTPUT, "sh", "-c", "echo ready; while :; do sleep 1; done")) {
            session.stdout().until("ready");
            cri.stop(doomed, 0);
            assertThat(session.error().text()).contains("{\"reason\":\"ExitCode\",\"message\":\"137\"}");
        }
        assertThat(Cri.failureOf(() -> Streaming.execUrl(cri, doomed, StreamSession.Wanted.OUTPUT, "true"))
                        .getCode())
                .isEqualTo(Status.Code.FAILED_PRECONDITION);
    }

    /** As with containerd: the command goes on until it writes where nobody reads. */
    @Test
    void aClientThatLeavesKillsNothingButClosesThePipes() throws IOException {
        try (StreamSession session = Streaming.SPDY.exec(
                cri,
                idle,
                StreamSession.Wanted.ALL,
                "sh",
                "-c",
                "echo ready; cat >/dev/null; trap 'touch /tmp/pipe; exit' PIPE; echo x; echo x; touch /tmp/went-on")) {
            session.stdout().until("ready");
        }
        Wait.until(
                "the command has seen both ends",
                () -> cri.shell(idle, "ls /tmp").contains("pipe")
                        || cri.shell(idle, "ls /tmp").contains("went-on"));
    }

    @Test
    void attachedClientsAllSeeTheOutputAndShareTheInput() throws IOException {
        ContainerConfig.Builder config = pod.container(
                        TestPod.BUSYBOX, "sh", "-c", "while read line; do echo \"got $line\"; done; echo over")
                .setStdin(true);
        String id = pod.create(config);
        cri.start(id);
        StreamSession.Wanted both = new StreamSession.Wanted(true, true, true, false);
        try (StreamSession first = Streaming.SPDY.attach(cri, id, both);
                StreamSession second = Streaming.WEBSOCKET.attach(cri, id, both)) {
            // An attach counts from when the shim has it.
            Wait.until("the first is attached", () -> echoed(first, "a"));
            Wait.until("the second is attached", () -> echoed(second, "b"));
            first.stdin().write("one\n");
            first.stdout().until("got one");
            second.stdout().until("got one");
            second.stdin().write("two\n");
            first.stdout().until("got two");
            second.stdout().until("got two");
            first.stdin().end();
        }
        try (StreamSession third = Streaming.SPDY.attach(cri, id, both)) {
            Wait.until("the third is attached", () -> echoed(third, "c"));
            assertThat(cri.status(id).getState()).isEqualTo(ContainerState.CONTAINER_RUNNING);
        }
        cri.stop(id, 0);
    }

    private static boolean echoed(StreamSession session, String word) {
        try {
            session.stdin().write(word + "\n");
            session.stdout().until("got " + word);
            return true;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @ParameterizedTest
    @EnumSource
    void theFirstClientOfStdinOnceEndsIt(Streaming over) throws IOException {
        String id = pod.create(pod.container(TestPod.BUSYBOX, "sh", "-c", "cat; echo over; exit 5")
                .setStdin(true)
                .setStdinOnce(true));
        cri.start(id);
        try (StreamSession session = over.attach(cri, id, StreamSession.Wanted.ALL)) {
            session.stdin().write("hello\n");
            session.stdout().until("hello");
            session.stdin().end();
            assertThat(session.stdout().text()).endsWith("over\n");
            assertThat(session.error().text()).isEqualTo(SUCCESS);
        }
        assertThat(cri.waitExited(id).getExitCode()).isEqualTo(5);
    }

    @Test
    void whatMakesNoSenseIsRefused() {
        assertThat(codeOfExec(ExecRequest.newBuilder().addCmd("true").setStdout(true)))
                .isEqualTo(Status.Code.INVALID_ARGUMENT);
        ExecRequest.Builder exec = ExecRequest.newBuilder().setContainerId(idle).addCmd("true");
        assertThat(codeOfExec(exec.clone())).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(codeOfExec(exec.clone().setTty(true).setStdout(true).setStderr(true)))
                .isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(codeOfExec(exec.clone().setStdout(true).clearCmd())).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(codeOfExec(exec.clone().setStdout(true).setContainerId("0".repeat(64))))
                .isEqualTo(Status.Code.NOT_FOUND);
        AttachRequest.Builder attach = AttachRequest.newBuilder().setContainerId(idle);
        assertThat(codeOfAttach(attach.clone())).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(codeOfAttach(attach.clone().setTty(true).setStdout(true).setStderr(true)))
                .isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(codeOfAttach(attach.clone().setStdout(true).clearContainerId()))
                .isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(codeOfAttach(attach.clone().setStdout(true).setContainerId("0".repeat(64))))
                .isEqualTo(Status.Code.NOT_FOUND);
    }

    /** And each is good for one use: all are used up here, so that other tests get theirs. */
    @Test
    void tooManyAddressesThatNobodyUsesAreRefused() throws IOException {
        List<URI> given = new ArrayList<>();
        Status refused = Status.OK;
        while (refused.isOk()) {
            try {
                given.add(URI.create(Streaming.execUrl(cri, idle, StreamSession.Wanted.OUTPUT, "true")));
            } catch (StatusRuntimeException e) {
                refused = e.getStatus();
            }
        }
        assertThat(refused.getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        assertThat(given).hasSizeBetween(900, 1000).doesNotHaveDuplicates();
        for (URI each : given) {
            assertThat(answer(each)).startsWith("HTTP/1.1 400 ");
        }
        assertThat(answer(given.getFirst())).startsWith("HTTP/1.1 404 ");
        assertThat(answer(given.getFirst().resolve("/exec/0"))).startsWith("HTTP/1.1 404 ");
        try (StreamSession session = Streaming.SPDY.exec(cri, idle, StreamSession.Wanted.OUTPUT, "true")) {
            assertThat(session.error().text()).isEqualTo(SUCCESS);
        }
    }

    /** What the server says to a request that asks for no protocol. */
    private static String answer(URI address) throws IOException {
        try (Socket socket = new Socket(address.getHost(), address.getPort())) {
            String request = "GET " + address.getPath() + " HTTP/1.1\r\nHost: x\r\n\r\n";
            socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        }
    }

    private Status.Code codeOfExec(ExecRequest.Builder request) {
        return Cri.failureOf(() -> cri.runtime().exec(request.build())).getCode();
    }

    private Status.Code codeOfAttach(AttachRequest.Builder request) {
        return Cri.failureOf(() -> cri.runtime().attach(request.build())).getCode();
    }
}
