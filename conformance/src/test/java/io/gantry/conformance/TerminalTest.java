package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Exec and attach with a terminal, as kubectl exec -it has it. */
@BlackBox
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TerminalTest {
    private static final StreamSession.Wanted TERMINAL = StreamSession.Wanted.TERMINAL;

    private final Cri cri;
    private final TestPod pod;
    private final String idle;

    TerminalTest(Cri cri) {
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
    void itsSizeIsThereFromTheStartAndFollows(Streaming over) throws IOException {
        try (StreamSession session = over.exec(
                cri,
                idle,
                TERMINAL,
                "sh",
                "-c",
                "stty size; trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep 0.1; done")) {
            session.resize(101, 33);
            assertThat(session.stdout().until("ready")).contains("33 101\r\n");
            session.resize(80, 24);
            assertThat(session.stdout().text()).contains("24 80\r\n");
            assertThat(session.error().text()).contains("\"message\":\"3\"");
        }
    }

    @ParameterizedTest
    @EnumSource
    void controlCInterruptsWhatRunsInFront(Streaming over) throws IOException {
        try (StreamSession session = over.exec(cri, idle, TERMINAL, "sh", "-i")) {
            session.resize(80, 24);
            session.stdin().write("sleep 1000; echo code $?\n");
            session.stdout().until("sleep 1000");
            Wait.until(
                    "it runs",
                    () -> !cri.shell(idle, "pgrep -f '^sleep 1000' || true").isEmpty());
            session.stdin().write("\003");
            session.stdin().write("echo aft''er\n");
            session.stdout().until("after");
            session.stdin().write("exit 9\n");
            assertThat(session.error().text()).contains("\"message\":\"9\"");
        }
    }

    @Test
    void jobsAreControlled() throws IOException {
        try (StreamSession session = Streaming.SPDY.exec(cri, idle, TERMINAL, "sh", "-i")) {
            session.resize(80, 24);
            session.stdin().write("sleep 1001\n");
            Wait.until(
                    "it runs",
                    () -> !cri.shell(idle, "pgrep -f '^sleep 1001' || true").isEmpty());
            session.stdin().write("\032");
            session.stdout().until("Stopped");
            session.stdin().write("jobs; kill %1; fg; exit\n");
            assertThat(session.stdout().text()).contains("sleep 1001").doesNotContain("no job control");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aClientThatLeavesHangsUp(Streaming over) throws IOException {
        String mark = "/tmp/hangup-" + over;
        // Until its exec a child of the shell has the shell's trap, in which a hang-up would be lost.
        String sleeps = "until [ $(cat /proc/$!/comm) = sleep ]; do :; done;";
        try (StreamSession session = over.exec(
                cri,
                idle,
                TERMINAL,
                "sh",
                "-c",
                "trap 'touch " + mark + "; exit' HUP; sleep 1002 & " + sleeps
                        + " echo ready; while :; do sleep 0.1; done")) {
            session.resize(80, 24);
            session.stdout().until("ready");
        }
        Wait.until("the hang-up is told", () -> cri.shell(idle, "ls /tmp").contains("hangup-" + over));
        Wait.until(
                "all of it has gone",
                () -> cri.shell(idle, "pgrep -f '^sleep 1002' || true").isEmpty());
    }

    /** In whichever phase it goes, and without a word; the seed is printed. */
    @Test
    void clientsThatBreakOffAnywhereLeaveNothingBehind() throws IOException {
        long seed = Long.getLong("streaming.seed", System.nanoTime());
        System.out.println("streaming.seed=" + seed);
        Random random = new Random(seed);
        String line = "yes | head -c 3000000; sleep 1004";
        for (int i = 0; i < 60; i++) {
            String url = Streaming.execUrl(cri, idle, TERMINAL, "sh", "-c", line);
            int phase = random.nextInt(7);
            if (phase == 0) {
                continue;
            }
            try (SpdyConnection client = new SpdyConnection(url, "v4.channel.k8s.io")) {
                String[] types = {"error", "resize", "stdout", "stdin"};
                StreamChannel last = null;
                for (int stream = 0; stream < Math.min(phase - 1, types.length); stream++) {
                    last = client.open("streamtype", types[stream]);
                }
                if (last != null && phase >= 5) {
                    last.write("typed\n");
                }
                Thread.sleep(phase == 6 ? random.nextInt(150) : 0);
                if (random.nextBoolean()) {
                    client.abort();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        Wait.until(
                "all of it has gone, seed " + seed,
                () -> cri.shell(idle, "pgrep -f '1004' | grep -vx $$ || true").isEmpty());
        assertThat(cri.shell(idle, "echo goes on")).isEqualTo("goes on");
    }

    /** More input than anything between the client and the program holds, and the size still gets through. */
    @ParameterizedTest
    @EnumSource
    void stuckInputDoesNotHoldBackTheSize(Streaming over) throws IOException {
        try (StreamSession session = over.exec(
                cri,
                idle,
                TERMINAL,
                "sh",
                "-c",
                "stty raw -echo; trap 'stty size' WINCH; echo ready; while :; do sleep 0.1; done")) {
            session.resize(80, 24);
            session.stdout().until("ready");
            session.stdin().write(new byte[16 << 20]);
            session.resize(77, 22);
            session.stdout().until("22 77");
        }
    }

    @ParameterizedTest
    @EnumSource
    void anAttachedTerminalIsResizedAndLeftRunning(Streaming over) throws IOException {
        String id = pod.create(
                pod.container(TestPod.BUSYBOX, "sh", "-i").setStdin(true).setTty(true));
        cri.start(id);
        try (StreamSession session = over.attach(cri, id, TERMINAL)) {
            session.resize(90, 30);
            session.stdin().write("echo si''ze $(stty size)\n");
            session.stdout().until("size 30 90");
            session.resize(60, 20);
            Wait.until("the size has come", () -> {
                try {
                    session.stdin().write("echo si''ze $(stty size) .\n");
                    return session.stdout().until(" .\r\n").contains("size 20 60");
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
        }
        try (StreamSession again = over.attach(cri, id, TERMINAL)) {
            again.stdin().write("echo still he''re; exit 4\n");
            again.stdout().until("still here");
        }
        assertThat(cri.waitExited(id).getExitCode()).isEqualTo(4);
    }
}
