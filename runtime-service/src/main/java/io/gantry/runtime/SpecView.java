package io.gantry.runtime;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gantry.cri.v1.IDMapping;
import io.gantry.cri.v1.LinuxContainerResources;
import io.gantry.cri.v1.LinuxContainerSecurityContext;
import io.gantry.cri.v1.Mount;
import io.gantry.cri.v1.MountPropagation;
import io.gantry.cri.v1.NamespaceMode;
import io.gantry.cri.v1.PodSandboxMetadata;
import io.gantry.cri.v1.UserNamespace;
import io.gantry.runtime.state.ProcessRecord;
import io.gantry.sandbox.Capabilities;
import io.gantry.sandbox.Cgroups;
import java.util.List;

/**
 * Pods and containers in the words of the OCI runtime specification (config.md and config-linux.md, 1.2), which tools look for in the
 * verbose answers: the path of the network namespace above all. There is no such file underneath; it is what is in force, as far as
 * the configuration and the records tell.
 */
final class SpecView {
    private static final String VERSION = "1.2.0";

    private SpecView() {}

    static ObjectNode of(Pod pod, Node node) {
        ObjectNode spec = spec(pod, node);
        annotate(spec, pod, "sandbox");
        ObjectNode linux = spec.putObject("linux");
        if (pod.sharedPid()) {
            linux.put("cgroupsPath", cgroupsPath(pod, pod.id(), node.cgroups()));
        }
        ArrayNode namespaces = linux.putArray("namespaces");
        if (pod.sharedPid()) {
            namespaces.addObject().put("type", "pid");
        }
        podNamespaces(namespaces, pod, node, false);
        userNamespace(linux, namespaces, pod);
        return spec;
    }

    static ObjectNode of(Container container, Pod pod, Node node) {
        ObjectNode spec = spec(pod, node);
        LinuxContainerSecurityContext security = container.config().getLinux().getSecurityContext();
        process(spec.putObject("process"), container.record().getProcess());
        spec.putObject("root")
                .put("path", node.layout().rootfs(container.id()).toString())
                .put("readonly", security.getReadonlyRootfs());
        ArrayNode mounts = spec.putArray("mounts");
        container.config().getMountsList().forEach(mount -> mount(mounts.addObject(), mount));
        annotate(spec, pod, "container");
        spec.withObjectProperty("annotations")
                .put(
                        "io.kubernetes.cri.container-name",
                        container.config().getMetadata().getName())
                .put("io.kubernetes.cri.image-name", container.record().getImageName());
        ObjectNode linux = spec.putObject("linux");
        linux.put("cgroupsPath", cgroupsPath(pod, container.id(), node.cgroups()));
        resources(linux.putObject("resources"), container.present().resources());
        ArrayNode namespaces = linux.putArray("namespaces");
        pid(namespaces, container, pod);
        namespaces.addObject().put("type", "mount");
        if (!security.getPrivileged()) {
            namespaces.addObject().put("type", "cgroup");
        }
        podNamespaces(namespaces, pod, node, true);
        userNamespace(linux, namespaces, pod);
        security.getMaskedPathsList().forEach(linux.putArray("maskedPaths")::add);
        security.getReadonlyPathsList().forEach(linux.putArray("readonlyPaths")::add);
        return spec;
    }

    private static ObjectNode spec(Pod pod, Node node) {
        ObjectNode spec = JsonNodeFactory.instance.objectNode();
        spec.put("ociVersion", VERSION);
        spec.put("hostname", pod.hostNetwork() ? node.host().hostname() : PodSpecs.hostname(pod.config(), node.host()));
        return spec;
    }

    /** The keys of containerd and CRI-O. */
    private static void annotate(ObjectNode spec, Pod pod, String type) {
        PodSandboxMetadata metadata = pod.config().getMetadata();
        spec.withObjectProperty("annotations")
                .put("io.kubernetes.cri.container-type", type)
                .put("io.kubernetes.cri.sandbox-id", pod.id())
                .put("io.kubernetes.cri.sandbox-name", metadata.getName())
                .put("io.kubernetes.cri.sandbox-namespace", metadata.getNamespace())
                .put("io.kubernetes.cri.sandbox-uid", metadata.getUid());
    }

    private static void process(ObjectNode process, ProcessRecord record) {
        process.put("terminal", record.getTty());
        ObjectNode user = process.putObject("user");
        user.put("uid", record.getUid());
        user.put("gid", record.getGid());
        record.getGroupsList().forEach(user.putArray("additionalGids")::add);
        ArrayNode args = process.putArray("args");
        record.getArgsList().forEach(arg -> args.add(arg.toStringUtf8()));
        ArrayNode env = process.putArray("env");
        record.getEnvList().forEach(variable -> env.add(variable.toStringUtf8()));
        process.put("cwd", record.getCwd());
        ObjectNode capabilities = process.putObject("capabilities");
        names(capabilities.putArray("bounding"), record.getBounding());
        names(capabilities.putArray("effective"), record.getEffective());
        names(capabilities.putArray("permitted"), record.getPermitted());
        names(capabilities.putArray("inheritable"), record.getInheritable());
        names(capabilities.putArray("ambient"), record.getAmbient());
        process.put("noNewPrivileges", record.getNoNewPrivs());
        if (record.getOomScoreAdjSet()) {
            process.put("oomScoreAdj", record.getOomScoreAdj());
        }
        if (!record.getApparmor().isEmpty()) {
            process.put("apparmorProfile", record.getApparmor());
        }
        if (!record.getSelinux().isEmpty()) {
            process.put("selinuxLabel", record.getSelinux());
        }
    }

    private static void names(ArrayNode names, long bits) {
        Capabilities.names(bits).forEach(names::add);
    }

    private static void mount(ObjectNode shown, Mount mount) {
        shown.put("destination", mount.getContainerPath());
        shown.put("type", "bind");
        shown.put("source", mount.hasImage() ? mount.getImage().getImage() : mount.getHostPath());
        ArrayNode options = shown.putArray("options");
        List.of("rbind", propagation(mount.getPropagation()), mount.getReadonly() ? "ro" : "rw")
                .forEach(options::add);
    }

    private static String propagation(MountPropagation propagation) {
        return switch (propagation) {
            case PROPAGATION_PRIVATE, UNRECOGNIZED -> "rprivate";
            case PROPAGATION_HOST_TO_CONTAINER -> "rslave";
            case PROPAGATION_BIDIRECTIONAL -> "rshared";
        };
    }

    private static void resources(ObjectNode shown, LinuxContainerResources resources) {
        ObjectNode memory = shown.putObject("memory");
        positive(memory, "limit", resources.getMemoryLimitInBytes());
        positive(memory, "swap", resources.getMemorySwapLimitInBytes());
        ObjectNode cpu = shown.putObject("cpu");
        positive(cpu, "shares", resources.getCpuShares());
        positive(cpu, "quota", resources.getCpuQuota());
        positive(cpu, "period", resources.getCpuPeriod());
        if (!resources.getCpusetCpus().isEmpty()) {
            cpu.put("cpus", resources.getCpusetCpus());
        }
        if (!resources.getCpusetMems().isEmpty()) {
            cpu.put("mems", resources.getCpusetMems());
        }
    }

    private static void positive(ObjectNode shown, String name, long value) {
        if (value > 0) {
            shown.put(name, value);
        }
    }

    private static void pid(ArrayNode namespaces, Container container, Pod pod) {
        NamespaceMode mode = container
                .config()
                .getLinux()
                .getSecurityContext()
                .getNamespaceOptions()
                .getPid();
        // A target's namespace has a path only while the target runs; it is not told.
        if (mode != NamespaceMode.NODE) {
            ObjectNode pid = namespaces.addObject().put("type", "pid");
            if (mode == NamespaceMode.POD && pod.sharedPid()) {
                ofInit(pid, pod, "pid");
            }
        }
    }

    /** @param joined whether they are told as those that a container joins; a pod makes its own */
    private static void podNamespaces(ArrayNode namespaces, Pod pod, Node node, boolean joined) {
        if (!pod.hostIpc()) {
            ObjectNode ipc = namespaces.addObject().put("type", "ipc");
            if (joined) {
                ofInit(ipc, pod, "ipc");
            }
        }
        if (!pod.hostNetwork()) {
            ObjectNode uts = namespaces.addObject().put("type", "uts");
            if (joined) {
                ofInit(uts, pod, "uts");
            }
            namespaces
                    .addObject()
                    .put("type", "network")
                    .put("path", node.layout().netns(pod.id()).toString());
        }
    }

    private static void userNamespace(ObjectNode linux, ArrayNode namespaces, Pod pod) {
        UserNamespace users = pod.namespaces().getUsernsOptions();
        if (users.getMode() == NamespaceMode.POD && users.getUidsCount() > 0) {
            namespaces.addObject().put("type", "user");
            mappings(linux.putArray("uidMappings"), users.getUidsList());
            mappings(linux.putArray("gidMappings"), users.getGidsList());
        }
    }

    private static void mappings(ArrayNode shown, List<IDMapping> mappings) {
        mappings.forEach(mapping -> shown.addObject()
                .put("containerID", Integer.toUnsignedLong(mapping.getContainerId()))
                .put("hostID", Integer.toUnsignedLong(mapping.getHostId()))
                .put("size", Integer.toUnsignedLong(mapping.getLength())));
    }

    private static void ofInit(ObjectNode namespace, Pod pod, String name) {
        if (pod.state() instanceof PodState.Ready(PodState.Network _, PodState.Init init) && init.pid() != 0) {
            namespace.put("path", "/proc/" + init.pid() + "/ns/" + name);
        }
    }

    /** By the cgroup driver: a path, or {@code slice:prefix:name} as systemd's drivers write it. */
    private static String cgroupsPath(Pod pod, String id, Cgroups cgroups) {
        String parent = PodSpecs.cgroupParent(pod, cgroups);
        return switch (cgroups.driver()) {
            case CGROUPFS -> parent + "/" + PodSpecs.leaf(id, cgroups);
            case SYSTEMD -> parent + ":gantry:" + id;
        };
    }
}
