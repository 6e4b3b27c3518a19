package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.ContainerState;
import io.gantry.cri.v1.ListPodSandboxRequest;
import io.gantry.cri.v1.NamespaceMode;
import io.gantry.cri.v1.PodSandbox;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.cri.v1.PodSandboxFilter;
import io.gantry.cri.v1.PodSandboxState;
import io.gantry.cri.v1.PodSandboxStateValue;
import io.gantry.cri.v1.PodSandboxStatus;
import io.gantry.cri.v1.PodSandboxStatusRequest;
import io.gantry.cri.v1.PodSandboxStatusResponse;
import io.gantry.cri.v1.RemovePodSandboxRequest;
import io.gantry.cri.v1.RunPodSandboxRequest;
import io.gantry.cri.v1.StopPodSandboxRequest;
import io.grpc.Status;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

@BlackBox
class PodTest {
    private final Cri cri;
    private final DaemonUnderTest daemon;

    PodTest(Cri cri, DaemonUnderTest daemon) {
        this.cri = cri;
        this.daemon = daemon;
    }

    @Test
    void aPodIsReadyWithWhatItWasGivenAndStaysListedWhenStopped() {
        try (TestPod pod = TestPod.run(
                cri,
                config -> config.putLabels("app", "web").putAnnotations("note/with.dots", "any \"text\" at all"))) {
            PodSandboxStatus status = cri.podStatus(pod.id());
            assertThat(status.getState()).isEqualTo(PodSandboxState.SANDBOX_READY);
            assertThat(status.getMetadata()).isEqualTo(pod.sandboxConfig().getMetadata());
            assertThat(status.getLabelsMap()).isEqualTo(pod.sandboxConfig().getLabelsMap());
            assertThat(status.getAnnotationsMap()).isEqualTo(pod.sandboxConfig().getAnnotationsMap());
            assertThat(status.getCreatedAt()).isPositive();
            assertThat(status.getNetwork().getIp()).matches("\\d+\\.\\d+\\.\\d+\\.\\d+");
            assertThat(status.getLinux().getNamespaces().getOptions().getNetwork())
                    .isEqualTo(NamespaceMode.POD);

            pod.stop();
            assertThat(cri.podStatus(pod.id()).getState()).isEqualTo(PodSandboxState.SANDBOX_NOTREADY);
            assertThat(list(PodSandboxFilter.newBuilder().setId(pod.id()))).hasSize(1);

            pod.remove();
            assertThat(list(PodSandboxFilter.newBuilder().setId(pod.id()))).isEmpty();
            assertThat(Cri.failureOf(() -> cri.podStatus(pod.id())).getCode()).isEqualTo(Status.Code.NOT_FOUND);
        }
    }

    @Test
    void stoppingAndRemovingAreIdempotentAndKnowNoUnknownPod() {
        String unknown = UUID.randomUUID().toString().replace("-", "").repeat(2);
        stop(unknown);
        remove(unknown);
        try (TestPod pod = TestPod.runOnHostNetwork(cri)) {
            pod.stop();
            pod.stop();
            pod.remove();
            pod.remove();
            stop(pod.id());
        }
    }

    @Test
    void removingAPodTakesItsRunningContainersAlong() {
        try (TestPod pod = TestPod.runOnHostNetwork(cri)) {
            String container = pod.runIdle();
            long pid = cri.pidOf(container);
            assertThat(Path.of("/proc/" + pid)).exists();
            pod.remove();
            assertThat(cri.listContainers())
                    .noneMatch(found -> found.getPodSandboxId().equals(pod.id()));
            assertThat(Path.of("/proc/" + pid)).doesNotExist();
        }
    }

    @Test
    void stoppingAPodStopsItsContainers() {
        try (TestPod pod = TestPod.runOnHostNetwork(cri)) {
            String container = pod.runIdle();
            pod.stop();
            assertThat(cri.status(container).getState()).isEqualTo(ContainerState.CONTAINER_EXITED);
            assertThat(Cri.failureOf(() -> pod.create(pod.container(TestPod.BUSYBOX, "true")))
                            .getCode())
                    .isEqualTo(Status.Code.FAILED_PRECONDITION);
        }
    }

    @Test
    void theFilterAndsItsConditionsAndAnEmptyOneMatchesAll() {
        try (TestPod one = TestPod.run(cri, config -> {
                    TestPod.hostNetwork(config);
                    config.putLabels("tier", "front").putLabels("app", "shop");
                });
                TestPod two = TestPod.run(cri, config -> {
                    TestPod.hostNetwork(config);
                    config.putLabels("tier", "back").putLabels("app", "shop");
                })) {
            two.stop();
            assertThat(ids(PodSandboxFilter.newBuilder())).contains(one.id(), two.id());
            assertThat(ids(PodSandboxFilter.newBuilder().putLabelSelector("app", "shop")))
                    .containsExactlyInAnyOrder(one.id(), two.id());
            assertThat(ids(PodSandboxFilter.newBuilder()
                            .putLabelSelector("app", "shop")
                            .putLabelSelector("tier", "back")))
                    .containsExactly(two.id());
            assertThat(ids(PodSandboxFilter.newBuilder()
                            .putLabelSelector("app", "shop")
                            .setState(state(PodSandboxState.SANDBOX_READY))))
                    .containsExactly(one.id());
            assertThat(ids(PodSandboxFilter.newBuilder()
                            .setId(one.id())
                            .setState(state(PodSandboxState.SANDBOX_NOTREADY))))
                    .isEmpty();
            assertThat(ids(PodSandboxFilter.newBuilder().putLabelSelector("app", "sho")))
                    .isEmpty();
        }
    }

    @Test
    void aUniquePrefixOfAnIdIsEnough() {
        try (TestPod pod = TestPod.runOnHostNetwork(cri)) {
            String prefix = pod.id().substring(0, 13);
            assertThat(cri.podStatus(prefix).getId()).isEqualTo(pod.id());
            assertThat(ids(PodSandboxFilter.newBuilder().setId(prefix))).containsExactly(pod.id());
            stop(prefix);
            remove(prefix);
            assertThat(ids(PodSandboxFilter.newBuilder())).doesNotContain(pod.id());
        }
    }

    @Test
    void aRepeatedCallGetsTheSamePodAndAnotherPodOfThatNameIsRefused() {
        PodSandboxConfig.Builder config = TestPod.config(cri);
        TestPod.hostNetwork(config);
        String first = TestPod.runSandbox(cri, config.build());
        assertThat(TestPod.runSandbox(cri, config.build())).isEqualTo(first);
        config.putLabels("other", "label");
        Status status = Cri.failureOf(() -> TestPod.runSandbox(cri, config.build()));
        assertThat(status.getCode()).isEqualTo(Status.Code.ALREADY_EXISTS);
        assertThat(status.getDescription()).contains(config.getMetadata().getName());
        remove(first);
    }

    @Test
    void anUnknownRuntimeHandlerIsRefusedByName() {
        PodSandboxConfig.Builder config = TestPod.config(cri);
        Status status = Cri.failureOf(() -> cri.runtime()
                .runPodSandbox(RunPodSandboxRequest.newBuilder()
                        .setConfig(config)
                        .setRuntimeHandler("no-such-handler")
                        .build()));
        assertThat(status.getDescription()).contains("no-such-handler");
        assertThat(cri.listPods()).noneMatch(pod -> pod.getMetadata().equals(config.getMetadata()));
    }

    @Test
    void whatIsMissingFromTheConfigurationIsNamed() {
        Status none = Cri.failureOf(() -> TestPod.runSandbox(cri, PodSandboxConfig.getDefaultInstance()));
        assertThat(none.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
        assertThat(none.getDescription()).contains("metadata");
    }

    @Test
    void aGroupWithoutAUserIsRefused() {
        PodSandboxConfig.Builder config = TestPod.config(cri);
        TestPod.security(config, security -> security.getRunAsGroupBuilder().setValue(1000));
        assertThat(Cri.failureOf(() -> TestPod.runSandbox(cri, config.build())).getCode())
                .isEqualTo(Status.Code.INVALID_ARGUMENT);
    }

    @Test
    void aPodThatCannotBeMadeLeavesNothing() {
        PodSandboxConfig.Builder config = TestPod.config(cri);
        config.getLinuxBuilder().putSysctls("net.ipv4.no_such_setting", "1");
        Status status = Cri.failureOf(() -> TestPod.runSandbox(cri, config.build()));
        assertThat(status.getDescription()).contains("no_such_setting");
        assertThat(cri.listPods()).noneMatch(pod -> pod.getMetadata().equals(config.getMetadata()));
        removeAllAndLookForLeftovers();
        // The name is free again.
        config.getLinuxBuilder().clearSysctls();
        String pod = TestPod.runSandbox(cri, config.build());
        remove(pod);
    }

    @Test
    void theVerboseStatusTellsTheProcessAndTheConfiguration() {
        try (TestPod pod = TestPod.runOnHostNetwork(cri)) {
            PodSandboxStatusResponse quiet = cri.runtime()
                    .podSandboxStatus(PodSandboxStatusRequest.newBuilder()
                            .setPodSandboxId(pod.id())
                            .build());
            assertThat(quiet.getInfoMap()).isEmpty();
            PodSandboxStatusResponse verbose = cri.runtime()
                    .podSandboxStatus(PodSandboxStatusRequest.newBuilder()
                            .setPodSandboxId(pod.id())
                            .setVerbose(true)
                            .build());
            assertThat(verbose.getInfoOrThrow("info")).startsWith("{").contains("\"pid\"", "\"config\"");
        }
    }

    private void removeAllAndLookForLeftovers() {
        cri.listPods().forEach(pod -> remove(pod.getId()));
        daemon.assertNothingLeft();
    }

    private void stop(String id) {
        cri.runtime()
                .stopPodSandbox(
                        StopPodSandboxRequest.newBuilder().setPodSandboxId(id).build());
    }

    private void remove(String id) {
        cri.runtime()
                .removePodSandbox(
                        RemovePodSandboxRequest.newBuilder().setPodSandboxId(id).build());
    }

    private static PodSandboxStateValue state(PodSandboxState state) {
        return PodSandboxStateValue.newBuilder().setState(state).build();
    }

    private List<String> ids(PodSandboxFilter.Builder filter) {
        return list(filter).stream().map(PodSandbox::getId).toList();
    }

    private List<PodSandbox> list(PodSandboxFilter.Builder filter) {
        return cri.runtime()
                .listPodSandbox(
                        ListPodSandboxRequest.newBuilder().setFilter(filter).build())
                .getItemsList();
    }
}
