package io.gantry.runtime;

import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.LinuxContainerResources;
import io.gantry.runtime.state.ContainerRecord;
import io.gantry.runtime.state.ContainerStatusRecord;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A container and its present state. Readers take no lock: what can change is an immutable value behind a volatile field. Whoever
 * starts, removes or updates it holds {@link #lock}; a stop does not while it waits, so that a second, shorter one is not kept waiting.
 */
final class Container {
    /** All that can change, as one value. */
    record Present(ContainerState state, LinuxContainerResources resources) {
        ContainerStatusRecord toRecord() {
            return state.toRecord().setResources(resources.toByteString()).build();
        }

        Present with(ContainerState next) {
            return new Present(next, resources);
        }
    }

    private final ContainerRecord record;
    private final ContainerConfig config;
    private final ReentrantLock lock = new ReentrantLock();
    private final CompletableFuture<ContainerState.Exited> exit = new CompletableFuture<>();
    private volatile Present present;

    Container(ContainerRecord record, ContainerConfig config, Present present) {
        this.record = record;
        this.config = config;
        this.present = present;
    }

    String id() {
        return record.getId();
    }

    String podId() {
        return record.getPodId();
    }

    /** What never changes. */
    ContainerRecord record() {
        return record;
    }

    /** As it came, labels and annotations included. */
    ContainerConfig config() {
        return config;
    }

    ContainerKey key() {
        return ContainerKey.of(podId(), config.getMetadata());
    }

    ReentrantLock lock() {
        return lock;
    }

    Present present() {
        return present;
    }

    ContainerState state() {
        return present.state;
    }

    /** Only for {@link ContainerStore}, which writes it to disk first. */
    void show(Present next) {
        present = next;
        if (next.state instanceof ContainerState.Exited exited) {
            exit.complete(exited);
        }
    }

    /** Completes when the container has exited and that can be seen. */
    CompletableFuture<ContainerState.Exited> exit() {
        return exit;
    }
}
