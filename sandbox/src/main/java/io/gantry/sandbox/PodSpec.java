package io.gantry.sandbox;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a pod has before its first container.
 *
 * @param namespaces made new for the pod; what is not named is the host's. With PID it gets a tiny init
 * @param uidMaps with USER among the namespaces
 * @param gidMaps with USER among the namespaces
 * @param hostname null leaves it; needs UTS
 * @param sysctls name with slashes below /proc/sys, to value
 * @param netns an existing empty file to which the new network namespace is bound; needs NET
 * @param shm where a tmpfs for /dev/shm is mounted on the host; null for none
 * @param shmBytes its size
 * @param cgroup where the pod's init goes; only with PID
 * @param oomScoreAdjust of the pod's init, where the kernel allows it; null leaves it
 */
public record PodSpec(
        String id,
        Set<Namespace> namespaces,
        List<IdMap> uidMaps,
        List<IdMap> gidMaps,
        @Nullable String hostname,
        boolean loopback,
        Map<String, String> sysctls,
        @Nullable Path netns,
        @Nullable Path shm,
        long shmBytes,
        List<CgroupJoin> cgroup,
        @Nullable Integer oomScoreAdjust) {
    /** The payload of POD. */
    byte[] encode() {
        Records records = new Records().add("id", id);
        for (Namespace kind : Namespace.values()) {
            if (namespaces.contains(kind)) {
                records.add("ns", kind.word());
            }
        }
        uidMaps.forEach(map -> records.add("idmap", "uid", map.container(), map.host(), map.length()));
        gidMaps.forEach(map -> records.add("idmap", "gid", map.container(), map.host(), map.length()));
        if (hostname != null) {
            records.add("hostname", hostname);
        }
        if (loopback) {
            records.add("loopback");
        }
        sysctls.forEach((name, value) -> records.add("sysctl", name, value));
        if (netns != null) {
            records.add("netns", netns);
        }
        if (shm != null) {
            records.add("shm", shm, shmBytes);
        }
        cgroup.forEach(join -> join.write(records));
        if (oomScoreAdjust != null) {
            // Best effort: the kernel wants CAP_SYS_RESOURCE for lowering it, and no user asked for this.
            records.add("oomscore-try", oomScoreAdjust);
        }
        return records.toBytes();
    }
}
