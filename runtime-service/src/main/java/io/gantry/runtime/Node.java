package io.gantry.runtime;

import io.gantry.cni.Cni;
import io.gantry.image.Images;
import io.gantry.runtime.cdi.CdiSpecs;
import io.gantry.sandbox.Cgroups;
import io.gantry.sandbox.Shims;
import java.nio.file.Path;
import java.time.Instant;

/**
 * What the calls on pods and containers work with.
 *
 * @param handler the name of the one runtime handler, besides the empty name
 * @param seccompProfiles where localhost profiles with a relative name lie
 * @param podShmSize bytes
 * @param cdi the devices that vendors describe
 */
record Node(
        RuntimeLayout layout,
        PodStore pods,
        ContainerStore containers,
        Images images,
        Cni cni,
        Shims shims,
        Cgroups cgroups,
        HostFacts host,
        UserNamespaces userNamespaces,
        String handler,
        Path seccompProfiles,
        long podShmSize,
        CdiSpecs cdi) {

    String bootId() {
        return host.bootId();
    }

    /** Nanoseconds since the epoch. */
    long now() {
        return nanos(Instant.now());
    }

    static long nanos(Instant instant) {
        return instant.getEpochSecond() * 1_000_000_000L + instant.getNano();
    }
}
