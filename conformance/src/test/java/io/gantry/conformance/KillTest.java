package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.Container;
import io.gantry.cri.v1.ContainerState;
import io.gantry.cri.v1.PodSandbox;
import io.gantry.cri.v1.RemovePodSandboxRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** SIGKILL meets the daemon in the midst of every kind of call: the next one finishes or takes back what was half done. */
@Tag("blackbox")
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KillTest {
    private static final String IMAGE = "gantry.test/content-flat:1";
    private static final Set<ContainerState> WHOLE =
            Set.of(ContainerState.CONTAINER_CREATED, ContainerState.CONTAINER_RUNNING, ContainerState.CONTAINER_EXITED);

    private final DaemonUnderTest daemon;

    KillTest() {
        daemon = DaemonUnderTest.startAlone();
    }

    @BeforeAll
    void pull() {
        assertThat(daemon.cri().pull(TestPod.BUSYBOX)).startsWith("sha256:");
    }

    @AfterAll
    void close() {
        daemon.close();
    }

    @ParameterizedTest
    @ValueSource(longs = {10, 40, 90, 160, 250, 400, 700})
    void nothingIsLeftHalfMade(long milliseconds) throws Exception {
        Cri before = daemon.cri();
        List<Status.Code> ends = new ArrayList<>();
        try (ExecutorService clients = Executors.newCachedThreadPool()) {
            List<Future<Status.Code>> calls = List.of(
                    clients.submit(() -> untilItFails(() -> live(before, TestPod.run(before)))),
                    clients.submit(() -> untilItFails(() -> live(before, TestPod.runOnHostNetwork(before)))),
                    clients.submit(() -> untilItFails(() -> pullAndRemove(before))));
            TimeUnit.MILLISECONDS.sleep(milliseconds);
            daemon.end(false);
            for (Future<Status.Code> call : calls) {
                ends.add(call.get());
            }
        }
        assertThat(ends).containsOnly(Status.Code.UNAVAILABLE);
        daemon.startAgain();

        Cri after = daemon.cri();
        assertThat(putAside()).isEmpty();
        for (Container container : after.listContainers()) {
            assertThat(WHOLE).contains(after.status(container.getId()).getState());
        }
        for (PodSandbox pod : after.listPods()) {
            assertThat(after.podStatus(pod.getId()).getState()).isEqualTo(pod.getState());
            after.runtime()
                    .removePodSandbox(RemovePodSandboxRequest.newBuilder()
                            .setPodSandboxId(pod.getId())
                            .build());
        }
        daemon.assertNothingLeft();
        pullAndRemove(after);
        assertThat(layers()).as("layers beside busybox's").hasSize(1);
    }

    /** How the first call that failed did. */
    private static Status.Code untilItFails(Runnable step) {
        while (true) {
            try {
                step.run();
            } catch (StatusRuntimeException e) {
                return e.getStatus().getCode();
            }
        }
    }

    private static void live(Cri cri, TestPod pod) {
        String container = pod.create(pod.container(TestPod.BUSYBOX, "sh", "-c", "while :; do sleep 3600; done"));
        cri.start(container);
        assertThat(cri.shell(container, "echo alive")).isEqualTo("alive");
        pod.stop();
        pod.remove();
    }

    private static void pullAndRemove(Cri cri) {
        assertThat(cri.pull(IMAGE)).startsWith("sha256:");
        cri.removeImage(IMAGE);
    }

    private List<Path> putAside() throws IOException {
        List<Path> found = new ArrayList<>();
        for (String kind : List.of("pods", "containers")) {
            found.addAll(children(kind).stream()
                    .filter(folder -> folder.toString().endsWith(".bad"))
                    .toList());
        }
        return found;
    }

    private List<Path> layers() throws IOException {
        return children("layers");
    }

    private List<Path> children(String folder) throws IOException {
        try (var children = Files.list(daemon.dir().resolve("root").resolve(folder))) {
            return children.toList();
        }
    }
}
