package io.gantry.conformance;

import static io.gantry.cri.v1.ContainerEventType.CONTAINER_CREATED_EVENT;
import static io.gantry.cri.v1.ContainerEventType.CONTAINER_DELETED_EVENT;
import static io.gantry.cri.v1.ContainerEventType.CONTAINER_STARTED_EVENT;
import static io.gantry.cri.v1.ContainerEventType.CONTAINER_STOPPED_EVENT;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.gantry.cri.v1.ContainerEventResponse;
import io.gantry.cri.v1.ContainerEventType;
import io.gantry.cri.v1.ContainerState;
import io.gantry.cri.v1.ContainerStatus;
import io.gantry.cri.v1.GetEventsRequest;
import io.gantry.cri.v1.PodSandboxState;
import io.gantry.cri.v1.RemoveContainerRequest;
import io.gantry.cri.v1.RuntimeServiceGrpc;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

@BlackBox
class EventsTest {
    private final Cri cri;
    private final DaemonUnderTest daemon;

    EventsTest(Cri cri, DaemonUnderTest daemon) {
        this.cri = cri;
        this.daemon = daemon;
    }

    /** Keeps what comes, for a pod or for all. */
    private static final class Seen implements StreamObserver<ContainerEventResponse> {
        private final List<ContainerEventResponse> events = new CopyOnWriteArrayList<>();

        @Override
        public void onNext(ContainerEventResponse event) {
            events.add(event);
        }

        @Override
        public void onError(Throwable failure) {}

        @Override
        public void onCompleted() {}

        private List<ContainerEventResponse> ofPod(String uid) {
            return events.stream()
                    .filter(event ->
                            event.getPodSandboxStatus().getMetadata().getUid().equals(uid))
                    .toList();
        }

        private ContainerEventResponse one(String id, ContainerEventType type) {
            return events.stream()
                    .filter(event -> event.getContainerId().equals(id) && event.getContainerEventType() == type)
                    .findFirst()
                    .orElseThrow();
        }

        /** A subscription counts from when the daemon has it: until then a pod's events tell nothing. */
        private void awaitSubscribed(Cri cri) {
            Wait.until("events come", () -> {
                TestPod.runOnHostNetwork(cri).close();
                return !events.isEmpty();
            });
        }
    }

    @Test
    void theLifeOfAPodAndItsContainersIsToldInOrder() {
        Seen seen = new Seen();
        Context.CancellableContext context = Context.current().withCancellation();
        try {
            context.run(() -> RuntimeServiceGrpc.newStub(cri.channel())
                    .getContainerEvents(GetEventsRequest.getDefaultInstance(), seen));
            seen.awaitSubscribed(cri);
            TestPod pod = TestPod.runOnHostNetwork(cri);
            String idle = pod.runIdle();
            TestPod.Finished failed = pod.runShell("exit 3");
            cri.runtime()
                    .removeContainer(RemoveContainerRequest.newBuilder()
                            .setContainerId(failed.id())
                            .build());
            pod.stop();
            pod.remove();
            String uid = pod.sandboxConfig().getMetadata().getUid();
            Wait.until("the pod's end is told", () -> seen.ofPod(uid).size() >= 12);
            List<ContainerEventResponse> told = seen.ofPod(uid);
            assertThat(told)
                    .extracting(ContainerEventResponse::getContainerId, ContainerEventResponse::getContainerEventType)
                    .containsExactly(
                            tuple(pod.id(), CONTAINER_CREATED_EVENT),
                            tuple(pod.id(), CONTAINER_STARTED_EVENT),
                            tuple(idle, CONTAINER_CREATED_EVENT),
                            tuple(idle, CONTAINER_STARTED_EVENT),
                            tuple(failed.id(), CONTAINER_CREATED_EVENT),
                            tuple(failed.id(), CONTAINER_STARTED_EVENT),
                            tuple(failed.id(), CONTAINER_STOPPED_EVENT),
                            tuple(failed.id(), CONTAINER_DELETED_EVENT),
                            tuple(idle, CONTAINER_STOPPED_EVENT),
                            tuple(pod.id(), CONTAINER_STOPPED_EVENT),
                            tuple(idle, CONTAINER_DELETED_EVENT),
                            tuple(pod.id(), CONTAINER_DELETED_EVENT));
            assertThat(told)
                    .extracting(ContainerEventResponse::getCreatedAt)
                    .isSorted()
                    .doesNotHaveDuplicates();
            ContainerEventResponse stopped = seen.one(failed.id(), CONTAINER_STOPPED_EVENT);
            assertThat(stopped.getPodSandboxStatus().getState()).isEqualTo(PodSandboxState.SANDBOX_READY);
            assertThat(stopped.getContainersStatusesList())
                    .extracting(ContainerStatus::getId, ContainerStatus::getState, ContainerStatus::getExitCode)
                    .containsExactlyInAnyOrder(
                            tuple(idle, ContainerState.CONTAINER_RUNNING, 0),
                            tuple(failed.id(), ContainerState.CONTAINER_EXITED, 3));
            assertThat(stopped.getContainersStatusesList())
                    .allMatch(status -> !status.getImage().getImage().isEmpty());
            assertThat(seen.one(failed.id(), CONTAINER_DELETED_EVENT).getContainersStatusesList())
                    .extracting(ContainerStatus::getId)
                    .containsExactly(idle);
            assertThat(seen.one(pod.id(), CONTAINER_STOPPED_EVENT)
                            .getPodSandboxStatus()
                            .getState())
                    .isEqualTo(PodSandboxState.SANDBOX_NOTREADY);
        } finally {
            context.cancel(null);
        }
    }

    /** Takes nothing but one event, ever. */
    private static final class Stuck implements ClientResponseObserver<GetEventsRequest, ContainerEventResponse> {
        private final AtomicReference<Status> end = new AtomicReference<>();
        private final AtomicReference<ClientCallStreamObserver<GetEventsRequest>> call = new AtomicReference<>();

        @Override
        public void beforeStart(ClientCallStreamObserver<GetEventsRequest> started) {
            started.disableAutoRequestWithInitial(1);
            call.set(started);
        }

        @Override
        public void onNext(ContainerEventResponse event) {}

        @Override
        public void onError(Throwable failure) {
            end.set(Status.fromThrowable(failure));
        }

        @Override
        public void onCompleted() {
            end.set(Status.OK);
        }
    }

    @Test
    void aReaderThatFallsBehindIsToldSoAndHoldsNobodyUp() {
        Stuck stuck = new Stuck();
        try (Cri other = new Cri(daemon.dir())) {
            RuntimeServiceGrpc.newStub(other.channel())
                    .getContainerEvents(GetEventsRequest.getDefaultInstance(), stuck);
            // A large annotation makes each event large: what gRPC itself keeps is full soon.
            cri.pull(TestPod.BUSYBOX);
            try (TestPod pod = TestPod.run(cri, config -> {
                TestPod.hostNetwork(config);
                config.putAnnotations("large", "x".repeat(100_000));
            })) {
                for (int i = 0; i < 100; i++) {
                    String id = pod.create(pod.container(TestPod.BUSYBOX, "true"));
                    cri.runtime()
                            .removeContainer(RemoveContainerRequest.newBuilder()
                                    .setContainerId(id)
                                    .build());
                }
            }
            // Only now does it read on, and finds that the stream has ended.
            requireNonNull(stuck.call.get()).request(Integer.MAX_VALUE);
            Wait.until("the slow stream has ended", () -> stuck.end.get() != null);
            assertThat(requireNonNull(stuck.end.get()).getCode()).isEqualTo(Status.Code.RESOURCE_EXHAUSTED);
        }
    }
}
