package io.gantry.runtime;

import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.linux.ProcessId;
import io.gantry.sandbox.Cgroup;
import io.gantry.sandbox.CgroupJoin;
import io.gantry.sandbox.Cgroups;
import io.gantry.sandbox.FirstProcess;
import io.gantry.sandbox.Namespace;
import io.gantry.sandbox.PodSpec;
import io.gantry.sandbox.Resources;
import io.gantry.sandbox.SandboxException;
import io.gantry.sandbox.Shim;
import java.io.IOException;
import java.nio.file.Files;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** From the CRI's pod to what its shim makes. */
final class PodSpecs {
    private PodSpecs() {}

    /** The pod's own name; like containerd, the node's where none is given. */
    static String hostname(PodSandboxConfig config, HostFacts host) {
        return config.getHostname().isEmpty() ? host.hostname() : config.getHostname();
    }

    /** Where the pod's cgroups go, as the kubelet spelt it; without its word a group of the pod's own: it can go with the pod. */
    static String cgroupParent(Pod pod, Cgroups cgroups) {
        String given = pod.config().getLinux().getCgroupParent();
        if (!given.isEmpty()) {
            return given;
        }
        return ownCgroupParent(pod.id(), cgroups);
    }

    private static String ownCgroupParent(String podId, Cgroups cgroups) {
        return switch (cgroups.driver()) {
            case CGROUPFS -> "/gantry-pod" + podId;
            case SYSTEMD -> "system-gantry_pod" + podId + ".slice";
        };
    }

    /** The group of the pod's own processes, made before the first of them; null where its shim starts outside: systemd moves it in, version 1 leaves it where the daemon is. */
    static @Nullable Cgroup birthplace(Pod pod, Cgroups cgroups) throws SandboxException {
        return cgroups.version() == 2 && cgroups.driver() == Cgroups.Driver.CGROUPFS
                ? ownGroup(pod, cgroups, FirstProcess.NONE)
                : null;
    }

    private static Cgroup ownGroup(Pod pod, Cgroups cgroups, FirstProcess first) throws SandboxException {
        return cgroups.create(cgroupParent(pod, cgroups), leaf(pod.id(), cgroups), first, Resources.NONE);
    }

    /**
     * Makes what a pod has.
     *
     * @param born the group that its shim was born into, if there is one
     */
    static PodState.Init start(Shim shim, @Nullable Cgroup born, Pod pod, String hostname, Node node)
            throws SandboxException, IOException {
        RuntimeLayout layout = node.layout();
        EnumSet<Namespace> namespaces = EnumSet.noneOf(Namespace.class);
        if (!pod.hostNetwork()) {
            // A pod in the host's network has the host's name too.
            namespaces.add(Namespace.NET);
            namespaces.add(Namespace.UTS);
            Files.createFile(layout.netns(pod.id()));
        }
        if (!pod.hostIpc()) {
            namespaces.add(Namespace.IPC);
            Files.createDirectory(layout.shm(pod.id()));
        }
        List<CgroupJoin> joins = List.of();
        if (pod.sharedPid() || node.cgroups().driver() == Cgroups.Driver.SYSTEMD) {
            Cgroup cgroup = born != null
                    ? born
                    : ownGroup(
                            pod, node.cgroups(), new FirstProcess(shim.process().pid(), ""));
            if (pod.sharedPid()) {
                namespaces.add(Namespace.PID);
                joins = cgroup.placement().joins();
            }
        }
        UserMapping users = pod.users();
        if (users != null) {
            namespaces.add(Namespace.USER);
        }
        Optional<ProcessId> init = shim.startPod(new PodSpec(
                pod.id(),
                namespaces,
                users == null ? List.of() : List.of(users.uids()),
                users == null ? List.of() : List.of(users.gids()),
                pod.hostNetwork() ? null : hostname,
                !pod.hostNetwork(),
                sysctls(pod.config()),
                pod.hostNetwork() ? null : layout.netns(pod.id()),
                pod.hostIpc() ? null : layout.shm(pod.id()),
                node.podShmSize(),
                joins,
                null));
        return init.map(process -> new PodState.Init(process.pid(), process.startTime()))
                .orElse(PodState.Init.NONE);
    }

    static String leaf(String id, Cgroups cgroups) {
        return cgroups.leafName("gantry", id);
    }

    /** Removes the init's group, and the pod's own where nobody else owns it. */
    static void removeCgroup(Pod pod, Cgroups cgroups) throws SandboxException {
        removeCgroup(pod.id(), cgroupParent(pod, cgroups), cgroups);
    }

    /** The same where only the pod's id is known, and perhaps whereto its containers' groups went. */
    static void removeCgroup(String podId, @Nullable String parent, Cgroups cgroups) throws SandboxException {
        String own = ownCgroupParent(podId, cgroups);
        String at = parent == null ? own : parent;
        cgroups.open(at, leaf(podId, cgroups)).remove();
        if (at.equals(own)) {
            cgroups.open(own, "").remove();
        }
    }

    private static Map<String, String> sysctls(PodSandboxConfig config) {
        Map<String, String> byPath = new LinkedHashMap<>();
        config.getLinux().getSysctlsMap().forEach((name, value) -> byPath.put(sysctlPath(name), value));
        return byPath;
    }

    /** {@code net.ipv4.ip_forward} or {@code net/ipv4/conf/eth0.1/rp_filter}: whichever comes first separates (sysctl.d(5)). */
    static String sysctlPath(String name) {
        int dot = name.indexOf('.');
        int slash = name.indexOf('/');
        return dot >= 0 && (slash < 0 || dot < slash)
                ? name.chars()
                        .map(c -> c == '.' ? '/' : c == '/' ? '.' : c)
                        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                        .toString()
                : name;
    }
}
