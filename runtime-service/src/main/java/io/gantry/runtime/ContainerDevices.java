package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.Device;
import io.gantry.linux.Directory;
import io.gantry.linux.FileStat;
import io.gantry.linux.LinuxException;
import io.gantry.sandbox.Resources.DeviceRule;
import io.gantry.sandbox.RootfsOp;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Set;

/**
 * Which devices a container has: the nodes under its /dev, and what its cgroup lets it use.
 *
 * @param nodes to be made
 * @param rules of the device cgroup, in order, after everything has been denied
 */
record ContainerDevices(List<RootfsOp.Device> nodes, List<DeviceRule> rules) {
    /** Of the host's /dev, what is no device of its own: other file systems, and the console, which a terminal replaces. */
    private static final Set<String> NOT_SHARED =
            Set.of("pts", "shm", "fd", "mqueue", "console", "ptmx", ".udev", ".lxc", ".lxd-mounts");

    /** (uid_t) -1, which no id of a container is. */
    private static final int NOBODY = -1;

    private static final List<RootfsOp.Device> DEFAULT_NODES = List.of(
            node("/dev/null", 1, 3),
            node("/dev/zero", 1, 5),
            node("/dev/full", 1, 7),
            node("/dev/random", 1, 8),
            node("/dev/urandom", 1, 9),
            node("/dev/tty", 5, 0));

    /** As runc and crun: any node may be made, the harmless ones and terminals may be used. */
    private static final List<DeviceRule> DEFAULT_RULES = List.of(
            new DeviceRule('c', -1, -1, "m"),
            new DeviceRule('b', -1, -1, "m"),
            new DeviceRule('c', 1, 3, "rwm"),
            new DeviceRule('c', 1, 5, "rwm"),
            new DeviceRule('c', 1, 7, "rwm"),
            new DeviceRule('c', 1, 8, "rwm"),
            new DeviceRule('c', 1, 9, "rwm"),
            new DeviceRule('c', 5, 0, "rwm"),
            new DeviceRule('c', 5, 1, "rwm"),
            new DeviceRule('c', 5, 2, "rwm"),
            new DeviceRule('c', 136, -1, "rwm"));

    /**
     * @param contained in a user namespace. There not even a privileged container's root is the owner of the host's devices, or an own node of the image would do to
     *     get at its disks: it has those that are for everybody
     */
    static ContainerDevices of(ContainerConfig config, CdiDevices cdi, boolean contained) throws CriException {
        List<RootfsOp.Device> nodes = new ArrayList<>(DEFAULT_NODES);
        List<DeviceRule> rules = new ArrayList<>(DEFAULT_RULES);
        if (config.getLinux().getSecurityContext().getPrivileged()) {
            List<RootfsOp.Device> all = hosts();
            if (!contained) {
                nodes.addAll(all);
                nodes.addAll(cdi.nodes());
                return new ContainerDevices(distinct(nodes), List.of(DeviceRule.ALL));
            }
            for (RootfsOp.Device node : all) {
                nodes.addFirst(node.ownedBy(NOBODY, NOBODY));
                if ((node.mode() & 06) != 0) {
                    rules.add(new DeviceRule(
                            node.type(),
                            node.major(),
                            node.minor(),
                            ((node.mode() & 04) != 0 ? "r" : "") + ((node.mode() & 02) != 0 ? "w" : "")));
                }
            }
        }
        for (Device device : config.getDevicesList()) {
            List<RootfsOp.Device> added = requested(config, device);
            nodes.addAll(added);
            for (RootfsOp.Device node : added) {
                rules.add(new DeviceRule(node.type(), node.major(), node.minor(), permissions(config, device)));
            }
        }
        nodes.addAll(cdi.nodes());
        rules.addAll(cdi.rules());
        return new ContainerDevices(distinct(nodes), List.copyOf(rules));
    }

    private static List<RootfsOp.Device> hosts() throws CriException {
        List<RootfsOp.Device> nodes = new ArrayList<>();
        try (Directory dev = Directory.open(Path.of("/dev"))) {
            collect(dev, "/dev", "/dev", nodes);
        } catch (LinuxException e) {
            throw Failures.of("read the host's devices", e);
        }
        return nodes;
    }

    private static List<RootfsOp.Device> requested(ContainerConfig config, Device device) throws CriException {
        String what = "container " + config.getMetadata().getName() + ": device "
                + device.getHostPath().replace('\0', '?');
        String wanted = device.getContainerPath();
        if (device.getHostPath().indexOf('\0') >= 0 || wanted.indexOf('\0') >= 0) {
            throw CriException.invalid(what + ": a path has a NUL in it");
        }
        if (!wanted.isEmpty() && !wanted.startsWith("/")) {
            throw CriException.invalid(what + ": the container path \"" + wanted + "\" must be absolute");
        }
        Path host = Path.of(device.getHostPath()).normalize();
        Path parent = host.getParent();
        if (!host.isAbsolute() || parent == null) {
            throw CriException.invalid(what + ": must be an absolute path of a device or a folder of devices");
        }
        String inner = wanted.isEmpty() ? host.toString() : wanted;
        List<RootfsOp.Device> nodes = new ArrayList<>();
        try {
            // A link names the device that it leads to, as udev makes them.
            Path real = host.toRealPath();
            Path folderOf = real.getParent();
            if (folderOf == null) {
                throw CriException.invalid(what + ": is the whole file system");
            }
            try (Directory above = Directory.open(folderOf)) {
                String name = real.getFileName().toString();
                FileStat stat = above.stat(name);
                if (stat.isDirectory()) {
                    try (Directory folder = above.openDirectory(name)) {
                        collect(folder, real.toString(), inner, nodes);
                    }
                } else if (!add(nodes, inner, stat)) {
                    throw CriException.invalid(what + ": is not a device");
                }
            }
        } catch (IOException e) {
            throw CriException.invalid(what + ": " + e);
        }
        return nodes;
    }

    private static String permissions(ContainerConfig config, Device device) throws CriException {
        String permissions = device.getPermissions().isEmpty() ? "rwm" : device.getPermissions();
        if (!permissions.matches("[rwm]{1,3}")) {
            throw CriException.invalid("container " + config.getMetadata().getName() + ": device "
                    + device.getHostPath() + ": permissions \"" + permissions + "\" are not made of r, w and m");
        }
        return permissions;
    }

    private static void collect(Directory folder, String hostPath, String innerPath, List<RootfsOp.Device> nodes)
            throws LinuxException {
        for (Directory.Entry entry : folder.list()) {
            if (hostPath.equals("/dev") && NOT_SHARED.contains(entry.name())) {
                continue;
            }
            FileStat stat = folder.statIfExists(entry.name()).orElse(null);
            if (stat == null) {
                continue;
            }
            if (stat.isDirectory()) {
                try (Directory child = folder.openDirectory(entry.name())) {
                    collect(child, hostPath + "/" + entry.name(), innerPath + "/" + entry.name(), nodes);
                }
            } else {
                add(nodes, innerPath + "/" + entry.name(), stat);
            }
        }
    }

    private static boolean add(List<RootfsOp.Device> nodes, String innerPath, FileStat stat) {
        char type;
        if (stat.type() == FileStat.CHARACTER_DEVICE) {
            type = 'c';
        } else if (stat.type() == FileStat.BLOCK_DEVICE) {
            type = 'b';
        } else {
            return false;
        }
        nodes.add(new RootfsOp.Device(
                innerPath, type, stat.rdevMajor(), stat.rdevMinor(), stat.permissions(), stat.uid(), stat.gid()));
        return true;
    }

    /** The last one of a path wins: a request may replace a default. */
    private static List<RootfsOp.Device> distinct(List<RootfsOp.Device> nodes) {
        LinkedHashMap<String, RootfsOp.Device> byPath = new LinkedHashMap<>();
        nodes.forEach(node -> byPath.put(node.innerPath(), node));
        return List.copyOf(byPath.values());
    }

    private static RootfsOp.Device node(String path, int major, int minor) {
        return new RootfsOp.Device(path, 'c', major, minor, 0666, 0, 0);
    }
}
