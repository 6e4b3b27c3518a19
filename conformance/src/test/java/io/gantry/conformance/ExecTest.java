package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.ExecSyncResponse;
import io.grpc.Status;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

@BlackBox
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ExecTest {
    private static final int CAP = 16 << 20;

    private final Cri cri;
    private final TestPod pod;
    private final String container;

    ExecTest(Cri cri) {
        this.cri = cri;
        this.pod = TestPod.runOnHostNetwork(cri);
        this.container = pod.runIdle();
    }

    @AfterAll
    void removePod() {
        pod.close();
    }

    @Test
    void outputErrorsAndCodeComeBackApart() {
        ExecSyncResponse answer = cri.execSync(container, 10, "sh", "-c", "echo out; echo err >&2; exit 42");
        assertThat(answer.getStdout().toStringUtf8()).isEqualTo("out\n");
        assertThat(answer.getStderr().toStringUtf8()).isEqualTo("err\n");
        assertThat(answer.getExitCode()).isEqualTo(42);
    }

    @Test
    void aKilledCommandTellsItsSignal() {
        assertThat(cri.execSync(container, 10, "sh", "-c", "kill -9 $$").getExitCode())
                .isEqualTo(137);
    }

    @Test
    void outputIsBytes() {
        ExecSyncResponse answer = cri.execSync(container, 10, "printf", "\\000\\377\\n");
        assertThat(answer.getStdout().toByteArray()).containsExactly(0, 0xff, '\n');
    }

    @Test
    void eachStreamIsCappedWithoutAnError() {
        String line = "dd if=/dev/zero bs=1M count=%d %s 2>/dev/null";
        ExecSyncResponse answer = cri.execSync(
                container, 60, "sh", "-c", line.formatted(20, "") + "; " + line.formatted(17, ">&2") + "; exit 5");
        assertThat(answer.getStdout().size()).isEqualTo(CAP);
        assertThat(answer.getStderr().size()).isEqualTo(CAP);
        assertThat(answer.getExitCode()).isEqualTo(5);
        assertThat(cri.execSync(container, 60, "sh", "-c", "dd if=/dev/zero bs=1M count=16 2>/dev/null")
                        .getStdout()
                        .size())
                .isEqualTo(CAP);
    }

    @Test
    void manyThatPrintAsMuchAsIsKeptAreAllAnswered() throws Exception {
        String both = "head -c 20000000 /dev/zero; head -c 20000000 /dev/zero >&2";
        try (ExecutorService calls = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Integer>> sizes = IntStream.range(0, 8)
                    .mapToObj(i -> calls.submit(() -> {
                        ExecSyncResponse answer = cri.execSync(container, 120, "sh", "-c", both);
                        return answer.getStdout().size() + answer.getStderr().size();
                    }))
                    .toList();
            for (Future<Integer> size : sizes) {
                assertThat(size.get()).isEqualTo(2 * CAP);
            }
        }
    }

    @Test
    void aTimeoutKillsTheWholeTree() {
        // Children that ignore signals and one that has left the session.
        Status status = Cri.failureOf(() -> cri.execSync(
                container,
                1,
                "sh",
                "-c",
                "trap '' TERM HUP; sleep 98765 & setsid sh -c 'sleep 98765; sleep 98765' & sleep 98765"));
        assertThat(status.getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
        assertThat(processesWith("98765")).isEmpty();
        assertThat(cri.shell(container, "echo alive")).isEqualTo("alive");
    }

    private static List<String> processesWith(String word) {
        try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
            return processes
                    .map(process -> commandLine(process).orElse(""))
                    .filter(line -> line.startsWith("sleep") && line.contains(word))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Optional<String> commandLine(Path process) {
        try {
            return Optional.of(Files.readString(process.resolve("cmdline")).replace('\0', ' '));
        } catch (IOException e) {
            // Not a process, or gone already.
            return Optional.empty();
        }
    }

    @Test
    void noTimeoutMeansForever() {
        assertThat(cri.execSync(container, 0, "sh", "-c", "sleep 1.5; echo done")
                        .getStdout()
                        .toStringUtf8())
                .isEqualTo("done\n");
    }

    @Test
    void aChildThatKeepsTheOutputOpenDoesNotHoldTheAnswer() {
        ExecSyncResponse answer = cri.execSync(container, 20, "sh", "-c", "sleep 30 & echo first");
        assertThat(answer.getStdout().toStringUtf8()).isEqualTo("first\n");
        assertThat(answer.getExitCode()).isZero();
    }

    @Test
    void manyCommandsAtOnceEachGetTheirOwnOutput() throws InterruptedException, ExecutionException {
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<String>> answers = IntStream.range(0, 40)
                    .mapToObj(number -> threads.submit(() -> cri.shell(container, "echo " + number)))
                    .toList();
            for (int i = 0; i < answers.size(); i++) {
                assertThat(answers.get(i).get()).isEqualTo(Integer.toString(i));
            }
        }
    }

    @Test
    void aProgramThatIsNotThereIsAnError() {
        Status status = Cri.failureOf(() -> cri.execSync(container, 10, "/no/such/program"));
        assertThat(status.getDescription()).contains("/no/such/program");
    }

    @Test
    void onlyARunningContainerTakesCommands() {
        TestPod.Finished finished = pod.runShell("true");
        Status exited = Cri.failureOf(() -> cri.execSync(finished.id(), 10, "true"));
        assertThat(exited.getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        Status unknown = Cri.failureOf(() -> cri.execSync("0".repeat(64), 10, "true"));
        assertThat(unknown.getCode()).isEqualTo(Status.Code.NOT_FOUND);
        Status empty = Cri.failureOf(() -> cri.execSync(container, 10));
        assertThat(empty.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    }

    @Test
    void aCommandRunsAsTheContainerDoes() {
        String id = pod.runIdle(config -> {
            config.setWorkingDir("/var");
            config.getLinuxBuilder()
                    .getSecurityContextBuilder()
                    .addSupplementalGroups(4321)
                    .setNoNewPrivs(true);
            config.getLinuxBuilder()
                    .getSecurityContextBuilder()
                    .getRunAsUserBuilder()
                    .setValue(1234);
        });
        String line = "id -u; id -G; pwd; grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; echo $PATH";
        long pid = cri.pidOf(id);
        String inside = cri.shell(id, line);
        assertThat(inside.lines().limit(3)).containsExactly("1234", "0 4321", "/var");
        List<String> outside = statusLines(pid);
        assertThat(inside.lines().filter(text -> text.contains(":\t")).toList()).isEqualTo(outside);
    }

    private static List<String> statusLines(long pid) {
        try (Stream<String> lines = Files.lines(Path.of("/proc/" + pid + "/status"))) {
            return lines.filter(line -> line.matches("(CapEff|CapBnd|NoNewPrivs|Seccomp):.*"))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
