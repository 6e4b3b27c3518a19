package io.gantry.runtime;

import io.gantry.cri.v1.ContainerEventResponse;
import io.gantry.cri.v1.ContainerEventType;
import io.grpc.stub.ServerCallStreamObserver;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Tells clients of GetContainerEvents what happens to pods and containers. An event carries the state of its whole pod, taken after the
 * change; since it is stamped, taken and queued under one lock, a later event never shows an earlier state.
 */
final class ContainerEvents implements LifecycleListener {
    private final PodStore pods;
    private final ContainerStore containers;
    private final EventStream.Limit limit;
    private final Set<EventStream> streams = ConcurrentHashMap.newKeySet();
    private final Object order = new Object();
    private boolean closed;
    private long lastStamp;

    /**
     * @param limit how much waits for a slow client before its stream is ended
     */
    ContainerEvents(PodStore pods, ContainerStore containers, EventStream.Limit limit) {
        this.pods = pods;
        this.containers = containers;
        this.limit = limit;
    }

    /** Tells a call of all that happens from now on, until it is cancelled, falls behind, or the daemon ends. */
    void subscribe(ServerCallStreamObserver<ContainerEventResponse> call) {
        EventStream stream = new EventStream(call, limit, streams::remove);
        synchronized (order) {
            streams.add(stream);
            if (closed) {
                stream.end();
            }
        }
        stream.start();
    }

    /** Ends every stream, so that the server need not wait for them; its clients may come again. */
    void close() {
        synchronized (order) {
            closed = true;
            streams.forEach(EventStream::end);
        }
    }

    @Override
    public void pod(Pod pod, ContainerEventType event) {
        publish(pod.id(), event, pod, pod.id());
    }

    @Override
    public void container(Container container, ContainerEventType event) {
        publish(container.id(), event, pods.get(container.podId()), container.podId());
    }

    private void publish(String id, ContainerEventType event, @Nullable Pod pod, String podId) {
        synchronized (order) {
            if (streams.isEmpty()) {
                return;
            }
            // A clock that is set back must not make a client drop what comes after.
            lastStamp = Math.max(lastStamp + 1, Node.nanos(Instant.now()));
            ContainerEventResponse.Builder message = ContainerEventResponse.newBuilder()
                    .setContainerId(id)
                    .setContainerEventType(event)
                    .setCreatedAt(lastStamp);
            if (pod != null) {
                message.setPodSandboxStatus(PodViews.status(pod));
            }
            containers.ofPod(podId).forEach(each -> message.addContainersStatuses(ContainerViews.status(each)));
            ContainerEventResponse built = message.build();
            streams.forEach(stream -> stream.offer(built));
        }
    }
}
