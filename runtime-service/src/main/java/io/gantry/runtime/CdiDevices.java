package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.CDIDevice;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.linux.Directory;
import io.gantry.linux.FileStat;
import io.gantry.runtime.cdi.CdiSpecs;
import io.gantry.runtime.cdi.ContainerEdits;
import io.gantry.runtime.cdi.ContainerEdits.DeviceNode;
import io.gantry.sandbox.ContainerUser;
import io.gantry.sandbox.Resources.DeviceRule;
import io.gantry.sandbox.RootfsOp;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What a container gets by the Container Device Interface, from its CDI_devices and from its annotations, as containerd and CRI-O take both.
 *
 * @param environment {@code NAME=value} each, which win over the container's own
 * @param mounts in place of others at the same path
 */
record CdiDevices(
        List<String> environment,
        List<RootfsOp.Device> nodes,
        List<DeviceRule> rules,
        List<RequestedMounts.Placed> mounts,
        Set<Integer> groups) {
    static final CdiDevices NONE = new CdiDevices(List.of(), List.of(), List.of(), List.of(), Set.of());

    private static final String ANNOTATION = "cdi.k8s.io/";
    /** As runc makes nodes whose mode nobody tells. */
    private static final int MODE = 0666;

    static CdiDevices of(ContainerConfig config, CdiSpecs specs, ContainerUser user) throws CriException {
        Set<String> names = names(config);
        if (names.isEmpty()) {
            return NONE;
        }
        String what = "container " + config.getMetadata().getName() + ": ";
        return switch (specs.resolve(names)) {
            case CdiSpecs.Found(List<ContainerEdits> edits) -> collect(what, edits, user);
            case CdiSpecs.Malformed(String reason) -> throw CriException.invalid(what + reason);
            case CdiSpecs.Unknown(String reason) -> throw CriException.notFound(what + reason);
            case CdiSpecs.Ambiguous(String reason) -> throw CriException.precondition(what + reason);
        };
    }

    private static Set<String> names(ContainerConfig config) {
        Set<String> names = new LinkedHashSet<>();
        config.getCDIDevicesList().stream().map(CDIDevice::getName).forEach(names::add);
        new TreeMap<>(config.getAnnotationsMap()).forEach((key, value) -> {
            if (key.startsWith(ANNOTATION)) {
                names.addAll(List.of(value.split(",", -1)));
            }
        });
        return names;
    }

    private static CdiDevices collect(String what, List<ContainerEdits> all, ContainerUser user) throws CriException {
        List<String> environment = new ArrayList<>();
        List<RootfsOp.Device> nodes = new ArrayList<>();
        List<DeviceRule> rules = new ArrayList<>();
        Map<String, RequestedMounts.Placed> mounts = new LinkedHashMap<>();
        Set<Integer> groups = new LinkedHashSet<>();
        for (ContainerEdits edits : all) {
            if (!edits.unserved().isEmpty()) {
                throw CriException.precondition(what + "its CDI devices want what this runtime does not do: "
                        + String.join(", ", edits.unserved()));
            }
            environment.addAll(edits.environment());
            for (DeviceNode wanted : edits.deviceNodes()) {
                RootfsOp.Device node = node(what, wanted, user);
                nodes.add(node);
                if (node.type() != 'p') {
                    rules.add(new DeviceRule(node.type(), node.major(), node.minor(), wanted.permissions()));
                }
            }
            for (ContainerEdits.Mount wanted : edits.mounts()) {
                RequestedMounts.Placed placed = CdiMounts.placed(what, wanted);
                mounts.remove(placed.innerPath());
                mounts.put(placed.innerPath(), placed);
            }
            edits.additionalGids().stream()
                    .filter(group -> group != 0)
                    .map(Long::intValue)
                    .forEach(groups::add);
        }
        return new CdiDevices(
                List.copyOf(environment), List.copyOf(nodes), List.copyOf(rules), List.copyOf(mounts.values()), groups);
    }

    private static RootfsOp.Device node(String what, DeviceNode wanted, ContainerUser user) throws CriException {
        String type = wanted.type().equals("u") ? "c" : wanted.type();
        Long major = wanted.major();
        Long minor = wanted.minor();
        if (!type.equals("p") && (type.isEmpty() || major == null || minor == null)) {
            FileStat stat = host(what, wanted);
            String real = stat.type() == FileStat.CHARACTER_DEVICE ? "c" : "b";
            if (!type.isEmpty() && !type.equals(real)) {
                throw CriException.precondition(what + "CDI device node " + wanted.path() + " has the type " + type
                        + ", but " + wanted.hostPath() + " on the host is of type " + real);
            }
            type = real;
            if (major == null || minor == null) {
                major = (long) stat.rdevMajor();
                minor = (long) stat.rdevMinor();
            }
        }
        Long mode = wanted.fileMode();
        Long uid = wanted.uid();
        Long gid = wanted.gid();
        return new RootfsOp.Device(
                RequestedMounts.clean(wanted.path()),
                type.charAt(0),
                major == null ? 0 : major.intValue(),
                minor == null ? 0 : minor.intValue(),
                mode == null ? MODE : (int) (mode & 0777),
                uid == null ? user.uid() : uid.intValue(),
                gid == null ? user.gid() : gid.intValue());
    }

    private static FileStat host(String what, DeviceNode wanted) throws CriException {
        String path = wanted.hostPath();
        try {
            Path real = Path.of(path).toRealPath();
            Path folder = real.getParent();
            if (folder != null) {
                try (Directory above = Directory.open(folder)) {
                    FileStat stat = above.stat(real.getFileName().toString());
                    if (stat.type() == FileStat.CHARACTER_DEVICE || stat.type() == FileStat.BLOCK_DEVICE) {
                        return stat;
                    }
                }
            }
            throw CriException.precondition(what + "CDI device node " + path + " on the host is no device");
        } catch (IOException e) {
            throw new CriException(
                    CriException.Kind.FAILED_PRECONDITION, what + "CDI device node " + path + " on the host: " + e, e);
        }
    }

    /** The container's user with the groups of its devices. */
    ContainerUser join(ContainerUser user) {
        if (groups.isEmpty()) {
            return user;
        }
        Set<Integer> all = new LinkedHashSet<>(user.groups());
        all.addAll(groups);
        return new ContainerUser(user.uid(), user.gid(), List.copyOf(all), user.home());
    }
}
