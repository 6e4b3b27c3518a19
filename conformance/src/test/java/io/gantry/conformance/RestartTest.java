package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.Container;
import io.gantry.cri.v1.ContainerState;
import io.gantry.cri.v1.ContainerStatus;
import io.gantry.cri.v1.Mount;
import io.gantry.cri.v1.PodSandbox;
import io.gantry.cri.v1.PodSandboxState;
import io.gantry.cri.v1.RemovePodSandboxRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Pods outlive the daemon, however it ends. It has a daemon of its own. */
@Tag("blackbox")
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RestartTest {
    private static final String COUNT = "i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); sleep 0.01; done; exit 7";

    private final DaemonUnderTest daemon;

    RestartTest() {
        daemon = DaemonUnderTest.startAlone();
    }

    @BeforeAll
    void pull() {
        String id = daemon.cri().pull(TestPod.BUSYBOX);
        assertThat(id).startsWith("sha256:");
    }

    @AfterAll
    void close() {
        daemon.close();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void nothingIsLost(boolean gracefully) {
        Cri before = daemon.cri();
        TestPod pod = TestPod.run(before, config -> config.putLabels("kept", "yes"));
        TestPod stopped = TestPod.runOnHostNetwork(before);
        stopped.stop();
        TestPod contained = TestPod.run(before, UserNamespaceTest::contained);
        String nobody = contained.runIdle();
        String running = pod.runIdle();
        long runningPid = before.pidOf(running);
        TestPod.Finished exited = pod.runShell("echo bye; exit 5");
        String counting = pod.runIdle(config -> config.clearCommand().addAllCommand(List.of("sh", "-c", COUNT)));
        String created = pod.create(pod.container(TestPod.BUSYBOX, "sh", "-c", "echo late start"));
        var podBefore = before.podStatus(pod.id());
        ContainerStatus runningBefore = before.status(running);

        daemon.end(gracefully);
        // It counts on, and exits, while there is no daemon.
        Path log = pod.logFolder().resolve("c3.log");
        Wait.until("300 lines are logged", () -> CriLog.read(log).size() == 300);
        daemon.startAgain();

        Cri after = daemon.cri();
        assertThat(after.podStatus(pod.id())).isEqualTo(podBefore);
        assertThat(after.podStatus(stopped.id()).getState()).isEqualTo(PodSandboxState.SANDBOX_NOTREADY);
        assertThat(after.status(running)).isEqualTo(runningBefore);
        assertThat(after.pidOf(running)).isEqualTo(runningPid);
        assertThat(after.shell(running, "echo alive")).isEqualTo("alive");
        TestPod again = contained.over(after);
        for (String id : List.of(nobody, again.runIdle())) {
            assertThat(after.shell(id, "id -u; cat /proc/self/uid_map").split("\\s+"))
                    .containsExactly("0", "0", "1000000", "65536");
        }
        assertThat(after.status(exited.id())).isEqualTo(exited.status());
        ContainerStatus counted = after.waitExited(counting);
        assertThat(counted.getExitCode()).isEqualTo(7);
        assertThat(counted.getFinishedAt()).isGreaterThan(counted.getStartedAt());
        assertThat(CriLog.text(CriLog.read(log), "stdout").lines().toList())
                .isEqualTo(IntStream.range(0, 300).mapToObj(Integer::toString).toList());
        assertThat(after.status(created).getState()).isEqualTo(ContainerState.CONTAINER_CREATED);
        assertThat(after.startAndWait(created).getExitCode()).isZero();
        assertThat(after.imageStatus(TestPod.BUSYBOX)).isPresent();

        after.stop(running, 0);
        assertThat(after.status(running).getExitCode()).isEqualTo(137);
        for (String id : List.of(pod.id(), stopped.id(), contained.id())) {
            after.runtime()
                    .removePodSandbox(RemovePodSandboxRequest.newBuilder()
                            .setPodSandboxId(id)
                            .build());
        }
        daemon.assertNothingLeft();
    }

    @Test
    void whatHasLostItsRecordIsEnded() throws IOException {
        Cri before = daemon.cri();
        TestPod lost = TestPod.run(before);
        long lostPid = before.pidOf(lost.runIdle());
        TestPod kept = TestPod.run(before);
        String running = kept.runIdle();
        String alsoLost = kept.runIdle();
        long alsoLostPid = before.pidOf(alsoLost);

        daemon.end(false);
        garble("pods", lost.id());
        garble("containers", alsoLost);
        daemon.startAgain();

        Cri after = daemon.cri();
        assertThat(after.listPods()).extracting(PodSandbox::getId).containsExactly(kept.id());
        assertThat(after.listContainers()).extracting(Container::getId).containsExactly(running);
        assertThat(after.shell(running, "echo alive")).isEqualTo("alive");
        assertThat(ProcessHandle.of(lostPid)).isEmpty();
        assertThat(ProcessHandle.of(alsoLostPid)).isEmpty();
        Wait.until("the lost pod's network is released", () -> !attached(lost.id()));
        assertThat(attached(kept.id())).isTrue();

        after.runtime()
                .removePodSandbox(RemovePodSandboxRequest.newBuilder()
                        .setPodSandboxId(kept.id())
                        .build());
        for (String put : List.of("pods/" + lost.id(), "containers/" + alsoLost)) {
            Path aside = daemon.dir().resolve("root").resolve(put + ".bad");
            assertThat(aside).isDirectory();
            DaemonUnderTest.execute(List.of("rm", "-r", aside.toString()));
        }
        daemon.assertNothingLeft();
    }

    private void garble(String kind, String id) throws IOException {
        Files.writeString(daemon.dir().resolve("root").resolve(kind).resolve(id).resolve("config"), "garbage");
    }

    private boolean attached(String pod) {
        String[] records = daemon.dir().resolve("root/cni/results").toFile().list();
        return Arrays.stream(Objects.requireNonNull(records)).anyMatch(name -> name.contains(pod));
    }

    @Test
    void aMountedImageIsHeldStill() throws IOException {
        Cri before = daemon.cri();
        String image = "gantry.test/content-flat:1";
        before.pull(image);
        TestPod pod = TestPod.runOnHostNetwork(before);
        Mount mount = Mount.newBuilder()
                .setImage(Cri.image(image))
                .setContainerPath("/mnt")
                .setReadonly(true)
                .build();
        String container = pod.runIdle(config -> config.addMounts(mount));
        before.removeImage(image);

        daemon.end(false);
        daemon.startAgain();

        Cri after = daemon.cri();
        // A removal collects what nothing needs.
        after.pull("gantry.test/nothing:1");
        after.removeImage("gantry.test/nothing:1");
        assertThat(layersWith("data/kept")).isEqualTo(1);
        assertThat(after.shell(container, "cat /mnt/data/kept")).isEqualTo("kept");
        assertThat(after.status(container).getMounts(0).getImage().getImageRef())
                .startsWith("sha256:");
        after.runtime()
                .removePodSandbox(RemovePodSandboxRequest.newBuilder()
                        .setPodSandboxId(pod.id())
                        .build());
        assertThat(layersWith("data/kept")).isZero();
    }

    private long layersWith(String file) throws IOException {
        try (var files = Files.list(daemon.dir().resolve("root/layers"))) {
            return files.filter(layer -> Files.exists(layer.resolve("fs").resolve(file)))
                    .count();
        }
    }
}
