package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.Container;
import io.gantry.cri.v1.ContainerFilter;
import io.gantry.cri.v1.ContainerState;
import io.gantry.cri.v1.ContainerStatus;
import io.gantry.cri.v1.ContainerStatusRequest;
import io.gantry.cri.v1.ExecSyncResponse;
import io.gantry.cri.v1.ListContainersRequest;
import io.gantry.cri.v1.ListPodSandboxRequest;
import io.gantry.cri.v1.PodSandboxFilter;
import io.gantry.cri.v1.PodSandboxState;
import io.gantry.cri.v1.PodSandboxStatus;
import io.gantry.cri.v1.PodSandboxStatusRequest;
import io.gantry.cri.v1.RemoveContainerRequest;
import io.gantry.cri.v1.RemovePodSandboxRequest;
import io.gantry.cri.v1.StopPodSandboxRequest;
import io.grpc.Status;
import java.nio.file.Path;
import java.util.List;

/** One pod of a load run: two containers, each answer about them checked. Whichever client has it makes the calls on a connection of its own. */
final class LoadPod {
    /** Where the pod's first container echoes what it gets, in a pod with a network of its own. */
    static final int ECHO_PORT = 7000;

    private final int number;
    private final LoadPlan.Choices choices;
    private final TestPod pod;
    private final String serving;
    private final String writing;
    private final Path ticks;

    private LoadPod(int number, LoadPlan.Choices choices, TestPod pod, String serving, String writing, Path ticks) {
        this.number = number;
        this.choices = choices;
        this.pod = pod;
        this.serving = serving;
        this.writing = writing;
        this.ticks = ticks;
    }

    /** The pod with both containers started: one echoes on a port and counts in its log, the other writes some lines and exits. */
    static LoadPod make(Cri cri, int number, LoadPlan.Choices choices) {
        TestPod pod = choices.hostNetwork() ? TestPod.runOnHostNetwork(cri) : TestPod.run(cri);
        String serve = choices.hostNetwork() ? "" : "tcpsvd 0.0.0.0 " + ECHO_PORT + " cat & ";
        String serving = pod.create(pod.container(
                TestPod.BUSYBOX,
                "sh",
                "-c",
                "trap 'exit 7' TERM; " + serve + "n=0; while :; do echo tick $n; n=$((n+1)); sleep 0.1; done"));
        String writing = pod.create(pod.container(
                TestPod.BUSYBOX,
                "sh",
                "-c",
                "n=0; while [ $n -lt " + choices.lines() + " ]; do echo line $n of " + number
                        + "; n=$((n+1)); done; exit " + choices.exitCode()));
        assertThat(cri.status(serving).getState()).isEqualTo(ContainerState.CONTAINER_CREATED);
        cri.start(serving);
        cri.start(writing);
        return new LoadPod(
                number,
                choices,
                pod,
                serving,
                writing,
                Path.of(cri.status(serving).getLogPath()));
    }

    String id() {
        return pod.id();
    }

    /** The container whose log goes on until the pod is stopped. */
    String serving() {
        return serving;
    }

    Path ticks() {
        return ticks;
    }

    void use(Cri cri) {
        PodSandboxStatus status = cri.podStatus(id());
        assertThat(status.getState()).isEqualTo(PodSandboxState.SANDBOX_READY);
        assertThat(status.getMetadata()).isEqualTo(pod.sandboxConfig().getMetadata());
        assertThat(status.getNetwork().getIp().isEmpty()).isEqualTo(choices.hostNetwork());
        for (int i = 0; i < choices.execs(); i++) {
            exec(cri, "token-" + number + "-" + i, choices.codes().get(i));
        }
        list(cri);
        ContainerStatus ended = cri.waitExited(writing);
        assertThat(ended.getExitCode()).isEqualTo(choices.exitCode());
        List<CriLog.Line> log = CriLog.read(Path.of(ended.getLogPath()));
        assertThat(log).hasSize(choices.lines());
        for (int i = 0; i < log.size(); i++) {
            assertThat(log.get(i).text()).isEqualTo("line " + i + " of " + number);
        }
    }

    private void exec(Cri cri, String token, int code) {
        ExecSyncResponse answer =
                cri.execSync(serving, 60, "sh", "-c", "echo " + token + "; echo err-" + token + " >&2; exit " + code);
        assertThat(answer.getStdout().toStringUtf8()).isEqualTo(token + "\n");
        assertThat(answer.getStderr().toStringUtf8()).isEqualTo("err-" + token + "\n");
        assertThat(answer.getExitCode()).isEqualTo(code);
    }

    private void list(Cri cri) {
        List<Container> containers = listContainers(cri);
        assertThat(containers).extracting(Container::getId).containsExactlyInAnyOrder(serving, writing);
        assertThat(cri.runtime()
                        .listPodSandbox(ListPodSandboxRequest.newBuilder()
                                .setFilter(PodSandboxFilter.newBuilder().setId(id()))
                                .build())
                        .getItemsList())
                .singleElement()
                .satisfies(item -> assertThat(item.getState()).isEqualTo(PodSandboxState.SANDBOX_READY));
    }

    private List<Container> listContainers(Cri cri) {
        return cri.runtime()
                .listContainers(ListContainersRequest.newBuilder()
                        .setFilter(ContainerFilter.newBuilder().setPodSandboxId(id()))
                        .build())
                .getContainersList();
    }

    void stopServing(Cri cri) {
        cri.stop(serving, 30);
    }

    /** Stops what still runs, and removes the pod. */
    void remove(Cri cri) {
        stopServing(cri);
        ContainerStatus stopped = cri.status(serving);
        assertThat(stopped.getState()).isEqualTo(ContainerState.CONTAINER_EXITED);
        assertThat(stopped.getExitCode()).isEqualTo(7);
        if (choices.stopFirst()) {
            stopPod(cri);
            assertThat(cri.podStatus(id()).getState()).isEqualTo(PodSandboxState.SANDBOX_NOTREADY);
            cri.runtime()
                    .removeContainer(RemoveContainerRequest.newBuilder()
                            .setContainerId(writing)
                            .build());
            assertThat(listContainers(cri)).extracting(Container::getId).containsExactly(serving);
        }
        cri.runtime()
                .removePodSandbox(RemovePodSandboxRequest.newBuilder()
                        .setPodSandboxId(id())
                        .build());
        assertGone(cri);
    }

    private void stopPod(Cri cri) {
        cri.runtime()
                .stopPodSandbox(
                        StopPodSandboxRequest.newBuilder().setPodSandboxId(id()).build());
    }

    private void assertGone(Cri cri) {
        assertThat(Cri.failureOf(() -> cri.runtime()
                                .podSandboxStatus(PodSandboxStatusRequest.newBuilder()
                                        .setPodSandboxId(id())
                                        .build()))
                        .getCode())
                .isEqualTo(Status.Code.NOT_FOUND);
        assertThat(Cri.failureOf(() -> cri.runtime()
                                .containerStatus(ContainerStatusRequest.newBuilder()
                                        .setContainerId(serving)
                                        .build()))
                        .getCode())
                .isEqualTo(Status.Code.NOT_FOUND);
        assertThat(listContainers(cri)).isEmpty();
    }
}
