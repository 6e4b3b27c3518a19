package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.sandbox.Shims;
import io.gantry.sandbox.UserNamespaceSupport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Whether pods can have a user namespace of their own here: found out once, by making one where the images lie. */
final class UserNamespaces {
    private static final Logger LOG = LoggerFactory.getLogger(UserNamespaces.class);

    private final RuntimeLayout layout;
    private final Shims shims;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile @Nullable UserNamespaceSupport known;

    UserNamespaces(RuntimeLayout layout, Shims shims) {
        this.layout = layout;
        this.shims = shims;
    }

    /** The first call takes some milliseconds. */
    UserNamespaceSupport support() {
        UserNamespaceSupport present = known;
        if (present != null) {
            return present;
        }
        lock.lock();
        try {
            present = known;
            if (present == null) {
                present = probe();
                known = present;
            }
            return present;
        } finally {
            lock.unlock();
        }
    }

    private UserNamespaceSupport probe() {
        Path folder = layout.tmp().resolve("probe-user-namespaces");
        try {
            Files.createDirectories(folder);
            UserNamespaceSupport found = shims.probeUserNamespaces(folder);
            Folders.delete(folder);
            if (!found.pods()) {
                LOG.info("pods can have no user namespace here: {}", found.missing());
            }
            return found;
        } catch (IOException e) {
            LOG.warn("cannot find out whether pods can have a user namespace: {}", e.toString());
            return new UserNamespaceSupport(false, false, e.toString());
        }
    }

    /** @throws CriException FAILED_PRECONDITION if the pod wants a user namespace that this machine cannot make */
    void check(PodSandboxConfig config) throws CriException {
        var options = config.getLinux().getSecurityContext().getNamespaceOptions();
        String what = "pod sandbox " + config.getMetadata().getName();
        if (UserMapping.of(what, options) == null) {
            return;
        }
        boolean hostNetwork = options.getNetwork() == io.gantry.cri.v1.NamespaceMode.NODE;
        UserNamespaceSupport support = support();
        if (!support.pods() || (hostNetwork && !support.inHostNetwork())) {
            throw CriException.precondition(what + ": this machine has no user namespaces for pods"
                    + (support.pods() ? " in the host's network" : "") + ": " + support.missing());
        }
    }
}
