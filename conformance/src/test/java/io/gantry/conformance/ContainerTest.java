package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gantry.cri.v1.Container;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.ContainerFilter;
import io.gantry.cri.v1.ContainerState;
import io.gantry.cri.v1.ContainerStateValue;
import io.gantry.cri.v1.ContainerStatus;
import io.gantry.cri.v1.CreateContainerRequest;
import io.gantry.cri.v1.ImageSpec;
import io.gantry.cri.v1.KeyValue;
import io.gantry.cri.v1.ListContainersRequest;
import io.gantry.cri.v1.Mount;
import io.gantry.cri.v1.RemoveContainerRequest;
import io.gantry.cri.v1.Signal;
import io.grpc.Status;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

@BlackBox
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ContainerTest {
    private final Cri cri;
    private final TestPod pod;
    private final String imageId;

    ContainerTest(Cri cri) {
        this.cri = cri;
        this.pod = TestPod.runOnHostNetwork(cri);
        this.imageId = cri.pull(TestPod.BUSYBOX);
    }

    @BeforeAll
    void pullImages() {
        for (String name : List.of("entrypoint", "cmd", "nothing", "settings")) {
            String id = cri.pull("gantry.test/" + name + ":1");
            assertThat(id).startsWith("sha256:");
        }
    }

    @AfterAll
    void removePod() {
        pod.close();
    }

    @Test
    void theStatusIsCompleteAtEachStep() {
        ContainerConfig config = pod.container(TestPod.BUSYBOX, "sh", "-c", "exit 7")
                .putLabels("l", "1")
                .putAnnotations("a", "2")
                .build();
        Instant before = Instant.now();
        String id = pod.create(config);

        ContainerStatus created = cri.status(id);
        assertThat(created.getState()).isEqualTo(ContainerState.CONTAINER_CREATED);
        assertThat(created.getMetadata()).isEqualTo(config.getMetadata());
        assertThat(created.getLabelsMap()).isEqualTo(config.getLabelsMap());
        assertThat(created.getAnnotationsMap()).isEqualTo(config.getAnnotationsMap());
        assertThat(created.getImage().getImage()).isEqualTo(TestPod.BUSYBOX);
        assertThat(created.getImageId()).isEqualTo(imageId);
        assertThat(created.getImageRef()).startsWith("gantry.test/busybox@sha256:");
        assertThat(created.getLogPath())
                .isEqualTo(pod.logFolder().resolve(config.getLogPath()).toString());
        assertThat(created.getCreatedAt()).isGreaterThanOrEqualTo(before.getEpochSecond() * 1_000_000_000);
        assertThat(created.getStartedAt()).isZero();
        assertThat(created.getFinishedAt()).isZero();
        assertThat(created.getMountsList()).isEmpty();

        ContainerStatus exited = cri.startAndWait(id);
        assertThat(exited.getExitCode()).isEqualTo(7);
        assertThat(exited.getReason()).isEqualTo("Error");
        assertThat(exited.getStartedAt()).isGreaterThanOrEqualTo(exited.getCreatedAt());
        assertThat(exited.getFinishedAt()).isGreaterThanOrEqualTo(exited.getStartedAt());
        assertThat(exited.getCreatedAt()).isEqualTo(created.getCreatedAt());
        assertThat(exited.getImageRef()).isEqualTo(created.getImageRef());
    }

    @Test
    void oneMadeByImageIdShowsTheImagesNameAsTheKubeletsUsersExpect() {
        ContainerConfig.Builder config = pod.container(TestPod.BUSYBOX, "true");
        config.getImageBuilder().setImage(imageId);
        ContainerStatus status = cri.status(pod.create(config.build()));
        assertThat(status.getImage().getImage()).isEqualTo(TestPod.BUSYBOX);
        assertThat(status.getImageRef()).startsWith("gantry.test/busybox@sha256:");
        assertThat(status.getImageId()).isEqualTo(imageId);
    }

    /** The exit of such a container is told by the shim too, at about the same time. */
    @Test
    void oneWhoseProgramIsNotThereTellsSoEachTime() {
        for (int i = 0; i < 20; i++) {
            String id = pod.create(
                    pod.container(TestPod.BUSYBOX, "/no/such/program").build());
            assertThatThrownBy(() -> cri.start(id)).hasMessageContaining("/no/such/program");
            ContainerStatus status = cri.status(id);
            assertThat(status.getState()).isEqualTo(ContainerState.CONTAINER_EXITED);
            assertThat(status.getReason()).isEqualTo("StartError");
            assertThat(status.getExitCode()).isEqualTo(128);
            assertThat(status.getMessage()).contains("/no/such/program");
        }
    }

    @Test
    void theReasonTellsHowItEnded() {
        ContainerStatus completed = pod.runShell("true").status();
        assertThat(completed.getExitCode()).isZero();
        assertThat(completed.getReason()).isEqualTo("Completed");
        ContainerStatus killed = pod.runShell("kill -9 $$").status();
        assertThat(killed.getExitCode()).isEqualTo(137);
        assertThat(killed.getReason()).isEqualTo("Error");
    }

    @Test
    void commandAndArgsReplaceEntrypointAndCmdAsKubernetesSays() {
        assertThat(printed("entrypoint", List.of(), List.of())).isEqualTo("entrypoint cmd");
        assertThat(printed("entrypoint", List.of(), List.of("args"))).isEqualTo("entrypoint args");
        // With a command the image's CMD does not count any more.
        assertThat(printed("entrypoint", List.of("/bin/echo", "command"), List.of()))
                .isEqualTo("command");
        assertThat(printed("entrypoint", List.of("/bin/echo", "command"), List.of("args")))
                .isEqualTo("command args");
        assertThat(printed("cmd", List.of(), List.of())).isEqualTo("cmd");
        assertThat(printed("cmd", List.of(), List.of("echo", "args"))).isEqualTo("args");
        assertThat(printed("cmd", List.of("echo"), List.of("both"))).isEqualTo("both");
    }

    private String printed(String image, List<String> command, List<String> args) {
        return pod.runToEnd(pod.container("gantry.test/" + image + ":1")
                        .addAllCommand(command)
                        .addAllArgs(args))
                .stdout();
    }

    @Test
    void noCommandAtAllIsAnErrorOfCreate() {
        Status status = Cri.failureOf(() -> pod.create(pod.container("gantry.test/nothing:1")));
        assertThat(status.getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    }

    @Test
    void environmentAndFolderComeFromTheImageAndTheConfigurationIsOverIt() {
        TestPod.Finished finished = pod.runToEnd(pod.container(
                        "gantry.test/settings:1", "sh", "-c", "echo $FROM_IMAGE $OVERRIDDEN $OURS; pwd; echo $PATH")
                .addEnvs(env("OVERRIDDEN", "pod"))
                .addEnvs(env("OURS", "a b=c")));
        assertThat(finished.stdout().lines())
                .containsExactly(
                        "yes pod a b=c", "/work/place", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        TestPod.Finished elsewhere = pod.runToEnd(
                pod.container("gantry.test/settings:1", "sh", "-c", "pwd").setWorkingDir("/not/there/yet"));
        assertThat(elsewhere.stdout()).isEqualTo("/not/there/yet");
    }

    @Test
    void anEnvironmentIsBytes() {
        KeyValue latin = KeyValue.newBuilder()
                .setKey("LATIN")
                .setValue(ByteString.copyFrom(new byte[] {'a', (byte) 0xe4, 'b'}))
                .build();
        assertThat(pod.runShell("printf %s \"$LATIN\" | od -An -tx1", config -> config.addEnvs(latin))
                        .stdout()
                        .strip())
                .isEqualTo("61 e4 62");
    }

    private static KeyValue env(String key, String value) {
        return KeyValue.newBuilder()
                .setKey(key)
                .setValue(ByteString.copyFromUtf8(value))
                .build();
    }

    @Test
    void aNameIsTakenOncePerAttemptAndARepeatedCallGetsTheSame() {
        ContainerConfig config = pod.container(TestPod.BUSYBOX, "true").build();
        String first = pod.create(config);
        // The retry of a client that did not wait for the answer.
        assertThat(pod.create(config)).isEqualTo(first);
        ContainerConfig other = config.toBuilder().putLabels("other", "label").build();
        assertThat(Cri.failureOf(() -> pod.create(other)).getCode()).isEqualTo(Status.Code.ALREADY_EXISTS);
        ContainerConfig.Builder next = config.toBuilder();
        next.getMetadataBuilder().setAttempt(1);
        assertThat(pod.create(next)).isNotEqualTo(first);
        remove(first);
        assertThat(pod.create(config)).isNotEqualTo(first);
    }

    @Test
    void errorsOfCreateNameWhatIsWrong() {
        ContainerConfig.Builder good = pod.container(TestPod.BUSYBOX, "true");
        String unknownPod = UUID.randomUUID().toString().replace("-", "").repeat(2);
        Status noPod = Cri.failureOf(() -> cri.runtime()
                .createContainer(CreateContainerRequest.newBuilder()
                        .setPodSandboxId(unknownPod)
                        .setConfig(good)
                        .setSandboxConfig(pod.sandboxConfig())
                        .build()));
        assertThat(noPod.getCode()).isEqualTo(Status.Code.NOT_FOUND);
        assertThat(noPod.getDescription()).contains(unknownPod);

        Status noImage = Cri.failureOf(() -> pod.create(pod.container("gantry.test/never-pulled:1", "true")));
        assertThat(noImage.getCode()).isEqualTo(Status.Code.NOT_FOUND);
        assertThat(noImage.getDescription()).contains("never-pulled");

        String absent = pod.logFolder().resolve("no/such/path").toString();
        Status noPath = Cri.failureOf(() -> pod.create(pod.container(TestPod.BUSYBOX, "true")
                .addMounts(Mount.newBuilder().setContainerPath("/mnt").setHostPath(absent))));
        assertThat(noPath.getDescription()).contains(absent);

        assertThat(cri.listContainers())
                .noneMatch(container -> container.getPodSandboxId().equals(pod.id())
                        && container.getMetadata().equals(good.getMetadata()));
    }

    @Test
    void aProgramThatIsNotThereIsAnErrorOfStart() {
        String id = pod.create(pod.container(TestPod.BUSYBOX, "/no/such/program"));
        Status status = Cri.failureOf(() -> {
            cri.start(id);
            return id;
        });
        assertThat(status.getDescription()).contains("/no/such/program");
        ContainerStatus after = cri.status(id);
        assertThat(after.getState()).isEqualTo(ContainerState.CONTAINER_EXITED);
        assertThat(after.getExitCode()).isNotZero();
        assertThat(after.getFinishedAt()).isPositive();
        remove(id);
    }

    @Test
    void onlyACreatedContainerStarts() {
        String id = pod.runIdle();
        assertThat(Cri.failureOf(() -> startAgain(id)).getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        cri.stop(id, 0);
        assertThat(Cri.failureOf(() -> startAgain(id)).getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
        remove(id);
        assertThat(Cri.failureOf(() -> startAgain(id)).getCode()).isEqualTo(Status.Code.NOT_FOUND);
    }

    private String startAgain(String id) {
        cri.start(id);
        return id;
    }

    @Test
    void stopSendsTheSignalAndKillsAfterTheTimeout() {
        String polite = pod.runIdle(config -> config.clearCommand()
                .addAllCommand(List.of("sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done")));
        waitForTrap(polite);
        cri.stop(polite, 30);
        assertThat(cri.status(polite).getExitCode()).isEqualTo(3);

        String stubborn = pod.runIdle(config ->
                config.clearCommand().addAllCommand(List.of("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")));
        waitForTrap(stubborn);
        cri.stop(stubborn, 1);
        assertThat(cri.status(stubborn).getExitCode()).isEqualTo(137);

        String image = pod.create(pod.container("gantry.test/settings:1"));
        cri.start(image);
        Wait.until("it is ready", () -> CriLog.text(log(image), "stdout").contains("ready"));
        cri.stop(image, 30);
        assertThat(cri.status(image).getExitCode()).isEqualTo(9);

        String asked = pod.runIdle(config -> config.setStopSignal(Signal.SIGNAL_SIGINT)
                .clearCommand()
                .addAllCommand(List.of("sh", "-c", "trap 'exit 4' INT; while :; do sleep 0.1; done")));
        waitForTrap(asked);
        assertThat(cri.status(asked).getStopSignal()).isEqualTo(Signal.SIGNAL_SIGINT);
        cri.stop(asked, 30);
        assertThat(cri.status(asked).getExitCode()).isEqualTo(4);
    }

    /** The shell has set its trap once it runs its loop, which shows as a child process. */
    private void waitForTrap(String id) {
        long pid = cri.pidOf(id);
        Wait.until(
                "the shell of " + id + " has a child",
                () -> ProcessHandle.of(pid)
                        .map(process -> process.children().findAny().isPresent())
                        .orElse(false));
    }

    private List<CriLog.Line> log(String id) {
        return CriLog.read(Path.of(cri.status(id).getLogPath()));
    }

    @Test
    void stoppingAndRemovingAreIdempotent() {
        String unknown = UUID.randomUUID().toString().replace("-", "").repeat(2);
        cri.stop(unknown, 1);
        remove(unknown);
        assertThat(Cri.failureOf(() -> cri.status(unknown)).getCode()).isEqualTo(Status.Code.NOT_FOUND);

        String created = pod.create(pod.container(TestPod.BUSYBOX, "true"));
        remove(created);
        remove(created);

        String running = pod.runIdle();
        cri.stop(running, 0);
        cri.stop(running, 0);
        remove(running);
        cri.stop(running, 0);

        String forced = pod.runIdle();
        long pid = cri.pidOf(forced);
        remove(forced);
        assertThat(Path.of("/proc/" + pid)).doesNotExist();
    }

    @Test
    void theFilterAndsItsConditions() {
        ContainerConfig.Builder first = pod.container(TestPod.BUSYBOX, "true").putLabels("kind", "one");
        ContainerConfig.Builder second = pod.container(TestPod.BUSYBOX, "true").putLabels("kind", "two");
        String one = pod.create(first);
        String two = pod.create(second);
        cri.startAndWait(two);
        assertThat(ids(ContainerFilter.newBuilder().setPodSandboxId(pod.id()))).contains(one, two);
        assertThat(ids(ContainerFilter.newBuilder().putLabelSelector("kind", "one")))
                .containsExactly(one);
        assertThat(ids(ContainerFilter.newBuilder()
                        .setPodSandboxId(pod.id().substring(0, 13))
                        .putLabelSelector("kind", "two")
                        .setState(ContainerStateValue.newBuilder().setState(ContainerState.CONTAINER_EXITED))))
                .containsExactly(two);
        assertThat(ids(ContainerFilter.newBuilder().setId(one.substring(0, 13))))
                .containsExactly(one);
        assertThat(ids(ContainerFilter.newBuilder().setId(one).putLabelSelector("kind", "two")))
                .isEmpty();
        assertThat(ids(ContainerFilter.newBuilder().setId("0".repeat(64)))).isEmpty();
    }

    @Test
    void aUniquePrefixOfAnIdIsEnough() {
        String id = pod.runIdle();
        String prefix = id.substring(0, 13);
        assertThat(cri.status(prefix).getId()).isEqualTo(id);
        assertThat(cri.shell(prefix, "echo here")).isEqualTo("here");
        cri.stop(prefix, 0);
        remove(prefix);
        assertThat(Cri.failureOf(() -> cri.status(id)).getCode()).isEqualTo(Status.Code.NOT_FOUND);
    }

    @Test
    void imagesAreFoundByIdDigestAndName() {
        String digest = cri.imageStatus(TestPod.BUSYBOX)
                .orElseThrow()
                .getRepoDigestsList()
                .getFirst();
        for (String reference :
                List.of(imageId, imageId.substring("sha256:".length()), imageId.substring(7, 20), digest)) {
            ContainerStatus status =
                    pod.runToEnd(pod.container(reference, "true")).status();
            assertThat(status.getImageId()).as(reference).isEqualTo(imageId);
            assertThat(status.getImage().getImage()).as(reference).isEqualTo(TestPod.BUSYBOX);
            assertThat(status.getExitCode()).isZero();
        }
    }

    @Test
    void theStatusNamesTheImageByItsTagAndTheListAsItWasAskedFor() {
        ImageSpec asked = ImageSpec.newBuilder()
                .setImage(imageId)
                .setUserSpecifiedImage("busybox")
                .build();
        String id = pod.create(pod.container(imageId, "true").setImage(asked));
        assertThat(cri.status(id).getImage())
                .isEqualTo(asked.toBuilder().setImage(TestPod.BUSYBOX).build());
        assertThat(cri.listContainers().stream()
                        .filter(container -> container.getId().equals(id))
                        .map(container -> container.getImage()))
                .containsExactly(asked);
        remove(id);
    }

    private void remove(String id) {
        cri.runtime()
                .removeContainer(
                        RemoveContainerRequest.newBuilder().setContainerId(id).build());
    }

    private List<String> ids(ContainerFilter.Builder filter) {
        return cri
                .runtime()
                .listContainers(
                        ListContainersRequest.newBuilder().setFilter(filter).build())
                .getContainersList()
                .stream()
                .map(Container::getId)
                .toList();
    }
}
