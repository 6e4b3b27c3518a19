package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.NamespaceMode;
import io.gantry.cri.v1.NamespaceOption;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.sandbox.Shim;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A pod and its present state. Readers take no lock: the state is an immutable value behind a volatile field. Whoever changes the pod
 * (stop, remove) holds {@link #lock}.
 */
final class Pod {
    private final String id;
    private final PodSandboxConfig config;
    private final String runtimeHandler;
    private final long createdAt;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile PodState state;
    private volatile @Nullable Shim shim;

    Pod(String id, PodSandboxConfig config, String runtimeHandler, long createdAt, PodState state) {
        this.id = id;
        this.config = config;
        this.runtimeHandler = runtimeHandler;
        this.createdAt = createdAt;
        this.state = state;
    }

    String id() {
        return id;
    }

    /** As it came, labels and annotations included. */
    PodSandboxConfig config() {
        return config;
    }

    String runtimeHandler() {
        return runtimeHandler;
    }

    /** Nanoseconds since the epoch. */
    long createdAt() {
        return createdAt;
    }

    PodKey key() {
        return PodKey.of(config.getMetadata());
    }

    ReentrantLock lock() {
        return lock;
    }

    PodState state() {
        return state;
    }

    /** Only for {@link PodStore}, which writes it to disk first. */
    void show(PodState next) {
        state = next;
    }

    NamespaceOption namespaces() {
        return config.getLinux().getSecurityContext().getNamespaceOptions();
    }

    boolean hostNetwork() {
        return namespaces().getNetwork() == NamespaceMode.NODE;
    }

    boolean hostIpc() {
        return namespaces().getIpc() == NamespaceMode.NODE;
    }

    /** Whether the pod has a PID namespace of its own, which its containers may share. */
    boolean sharedPid() {
        return namespaces().getPid() == NamespaceMode.POD;
    }

    /** Who its users are on the host; null in the host's user namespace. */
    @Nullable
    UserMapping users() {
        return UserMapping.checked(namespaces());
    }

    /** The live shim, or null after the pod has been stopped or its shim has died. */
    @Nullable
    Shim shim() {
        return shim;
    }

    /**
     * The live shim.
     *
     * @throws CriException FAILED_PRECONDITION if there is none
     */
    Shim requireShim() throws CriException {
        Shim present = shim;
        if (present == null) {
            throw CriException.precondition("pod " + id + " is not running");
        }
        return present;
    }

    void attach(@Nullable Shim present) {
        shim = present;
    }
}
