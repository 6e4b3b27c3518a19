package io.gantry.runtime;

import io.gantry.runtime.state.PodStatusRecord;
import java.util.List;

/**
 * Where a pod stands.
 *
 * <pre>
 * Creating -> Ready -> Stopping -> Stopped -> (removed)
 *      \------------------^   a pod found half made at start-up is stopped
 * </pre>
 *
 * A change is on disk before it can be seen.
 */
sealed interface PodState {

    /** The pod's addresses and what the CNI plugins answered. A pod in the host's network has none of it. */
    record Network(List<String> ips, String cniResult) {
        static final Network NONE = new Network(List.of(), "");
    }

    /** The pod's init in its PID namespace; 0 where the pod has none. */
    record Init(long pid, long startTime) {
        static final Init NONE = new Init(0, 0);
    }

    record Creating() implements PodState {}

    record Ready(Network network, Init init) implements PodState {}

    /** Being stopped, perhaps not for the first time: what is left is released by the next StopPodSandbox or at start-up. */
    record Stopping(Network network) implements PodState {}

    record Stopped(Network network) implements PodState {}

    /** Whether new containers may be made in it, and it counts as SANDBOX_READY. */
    default boolean isReady() {
        return this instanceof Ready;
    }

    /** The network as it is or was. */
    default Network network() {
        return switch (this) {
            case Creating _ -> Network.NONE;
            case Ready(Network network, Init _) -> network;
            case Stopping(Network network) -> network;
            case Stopped(Network network) -> network;
        };
    }

    default PodStatusRecord toRecord() {
        PodStatusRecord.Builder record = PodStatusRecord.newBuilder()
                .addAllIps(network().ips())
                .setCniResult(network().cniResult());
        switch (this) {
            case Creating _ -> record.setPhase(PodStatusRecord.Phase.CREATING);
            case Ready(Network _, Init init) ->
                record.setPhase(PodStatusRecord.Phase.READY)
                        .setInitPid(init.pid())
                        .setInitStartTime(init.startTime());
            case Stopping _ -> record.setPhase(PodStatusRecord.Phase.STOPPING);
            case Stopped _ -> record.setPhase(PodStatusRecord.Phase.STOPPED);
        }
        return record.build();
    }

    static PodState of(PodStatusRecord record) {
        Network network = new Network(List.copyOf(record.getIpsList()), record.getCniResult());
        return switch (record.getPhase()) {
            case CREATING -> new Creating();
            case READY -> new Ready(network, new Init(record.getInitPid(), record.getInitStartTime()));
            case STOPPED -> new Stopped(network);
            // What a newer daemon may have written is at least not ready: stopping it again is safe.
            case STOPPING, PHASE_UNSPECIFIED, UNRECOGNIZED -> new Stopping(network);
        };
    }
}
