package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.ReopenContainerLogRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

@BlackBox
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LogTest {
    private final Cri cri;
    private final TestPod pod;

    LogTest(Cri cri) {
        this.cri = cri;
        this.pod = TestPod.runOnHostNetwork(cri);
    }

    @AfterAll
    void removePod() {
        pod.close();
    }

    @Test
    void everyLineHasItsTimeAndStream() {
        TestPod.Finished finished = pod.runShell("echo one; echo two >&2; echo; echo three");
        assertThat(finished.stdout()).isEqualTo("one\n\nthree");
        assertThat(finished.stderr()).isEqualTo("two");
        assertThat(finished.log()).noneMatch(CriLog.Line::partial);
        assertThat(finished.log().getFirst().time().getEpochSecond())
                .isGreaterThanOrEqualTo(finished.status().getStartedAt() / 1_000_000_000);
        assertThat(finished.log().stream()
                        .filter(line -> line.stream().equals("stdout"))
                        .map(CriLog.Line::time)
                        .toList())
                .isSorted();
    }

    @Test
    void theFileIsThereFromTheStartAndIsNotForEverybody() throws IOException {
        String id = pod.runIdle();
        Path log = Path.of(cri.status(id).getLogPath());
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(log)))
                .isEqualTo("rw-r-----");
    }

    @Test
    void longLinesAreCutIntoPartialOnes() {
        TestPod.Finished finished = pod.runShell("head -c 40000 /dev/zero | tr '\\0' x; echo; echo end");
        assertThat(finished.stdout()).isEqualTo("x".repeat(40000) + "\nend");
        assertThat(finished.log().getFirst().partial()).isTrue();
        assertThat(finished.log()).allMatch(line -> line.text().length() <= 16 << 10);
    }

    @Test
    void aLastLineWithoutAnEndIsKept() {
        TestPod.Finished finished = pod.runShell("printf 'no end'");
        assertThat(CriLog.text(finished.log(), "stdout")).startsWith("no end");
    }

    @Test
    void nothingIsLostInAFlood() {
        TestPod.Finished finished = pod.runShell("seq 1 200000");
        assertThat(finished.stdout().lines().toList())
                .isEqualTo(IntStream.rangeClosed(1, 200_000)
                        .mapToObj(Integer::toString)
                        .toList());
    }

    @Test
    void rotationLosesNothingAndLeavesTheOldFileAlone() throws IOException {
        String id = pod.runIdle(config -> config.clearCommand()
                .addAllCommand(
                        List.of("sh", "-c", "i=0; while [ $i -lt 400 ]; do echo $i; i=$((i+1)); sleep 0.01; done")));
        Path log = Path.of(cri.status(id).getLogPath());
        Path old = log.resolveSibling(log.getFileName() + ".old");
        Wait.until("some lines", () -> CriLog.read(log).size() > 20);
        Files.move(log, old);
        reopen(id);
        assertThat(log).exists();
        long size = Files.size(old);
        cri.waitExited(id);
        assertThat(Files.size(old)).isEqualTo(size);
        String whole = CriLog.text(CriLog.read(old), "stdout") + CriLog.text(CriLog.read(log), "stdout");
        assertThat(whole.lines().toList())
                .isEqualTo(IntStream.range(0, 400).mapToObj(Integer::toString).toList());
    }

    @Test
    void reopeningTheLogOfAnExitedContainerMakesTheFileOrFailsWithoutOne() throws IOException {
        TestPod.Finished finished = pod.runShell("echo text");
        Path log = Path.of(finished.status().getLogPath());
        Files.delete(log);
        try {
            reopen(finished.id());
            assertThat(log).exists();
        } catch (StatusRuntimeException e) {
            assertThat(log).doesNotExist();
        }
        assertThat(Cri.failureOf(() -> {
                            reopen("0".repeat(64));
                            return "";
                        })
                        .getCode())
                .isEqualTo(Status.Code.NOT_FOUND);
    }

    @Test
    void withoutAPathNothingIsWrittenAndNothingBlocks() {
        String id = pod.create(pod.container(TestPod.BUSYBOX, "sh", "-c", "seq 1 100000; exit 6")
                .clearLogPath());
        assertThat(cri.startAndWait(id).getExitCode()).isEqualTo(6);
        assertThat(cri.status(id).getLogPath()).isEmpty();
    }

    private void reopen(String id) {
        cri.runtime()
                .reopenContainerLog(ReopenContainerLogRequest.newBuilder()
                        .setContainerId(id)
                        .build());
    }
}
