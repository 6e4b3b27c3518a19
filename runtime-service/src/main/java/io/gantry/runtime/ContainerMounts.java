package io.gantry.runtime;

import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.LinuxContainerSecurityContext;
import io.gantry.cri.v1.Mount;
import io.gantry.image.Image;
import io.gantry.sandbox.RootfsOp;
import io.gantry.sandbox.RootfsOp.BindFlag;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The file systems of a container, as an ordered list for the shim. Pure but for looking whether host paths exist. */
final class ContainerMounts {
    private static final List<String> KERNEL_FS = List.of("nosuid", "noexec", "nodev");
    /** As containerd and Docker hide them: what leaks the host's state or lets it be changed. */
    private static final List<String> DEFAULT_MASKED = List.of(
            "/proc/acpi",
            "/proc/asound",
            "/proc/interrupts",
            "/proc/kcore",
            "/proc/keys",
            "/proc/latency_stats",
            "/proc/sched_debug",
            "/proc/scsi",
            "/proc/timer_list",
            "/proc/timer_stats",
            "/sys/devices/virtual/powercap",
            "/sys/firmware");

    private static final List<String> DEFAULT_READONLY =
            List.of("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");

    private final RuntimeLayout layout;
    private final HostFacts host;

    ContainerMounts(RuntimeLayout layout, HostFacts host) {
        this.layout = layout;
        this.host = host;
    }

    /** A mount of the request or a volume of the image, by where it goes. */
    private record Placed(String innerPath, RootfsOp op) {}

    List<RootfsOp> build(String id, Pod pod, ContainerConfig config, Image image, List<RootfsOp.Device> devices)
            throws CriException {
        LinuxContainerSecurityContext security = config.getLinux().getSecurityContext();
        boolean privileged = security.getPrivileged();
        Set<String> covered = new HashSet<>();
        config.getMountsList().forEach(mount -> covered.add(clean(mount.getContainerPath())));

        List<RootfsOp> ops = new ArrayList<>();
        ops.add(new RootfsOp.Overlay(
                image.layerPathsTopFirst(), layout.upper(id), layout.work(id), layout.rootfs(id), true, false));
        kernelFileSystems(ops, privileged);
        ops.addAll(devices);
        deviceLinks(ops);
        if (config.getTty()) {
            ops.add(new RootfsOp.Console("/dev/console"));
        }
        podFiles(ops, pod, covered, security.getReadonlyRootfs());
        List<Placed> placed = new ArrayList<>();
        for (Mount mount : config.getMountsList()) {
            placed.add(new Placed(clean(mount.getContainerPath()), bind(config, mount)));
        }
        int number = 0;
        for (String volume : image.config().volumes()) {
            String inner = clean(volume);
            if (covered.add(inner)) {
                placed.add(new Placed(inner, new RootfsOp.Volume(layout.volume(id, number++), inner)));
            }
        }
        // A mount below another must come after it, whatever order they were asked for in.
        placed.sort(Comparator.comparingLong(
                p -> p.innerPath.chars().filter(c -> c == '/').count()));
        placed.forEach(p -> ops.add(p.op));
        protect(ops, config, security, privileged);
        return List.copyOf(ops);
    }

    /** How many folders {@link RuntimeLayout#volume} the operations want. */
    static List<Path> volumes(List<RootfsOp> ops) {
        return ops.stream()
                .filter(RootfsOp.Volume.class::isInstance)
                .map(op -> ((RootfsOp.Volume) op).hostPath())
                .toList();
    }

    private void kernelFileSystems(List<RootfsOp> ops, boolean privileged) {
        List<String> sys = privileged ? KERNEL_FS : List.of("nosuid", "noexec", "nodev", "ro");
        ops.add(new RootfsOp.MountFs("proc", "proc", "/proc", KERNEL_FS, ""));
        ops.add(new RootfsOp.MountFs(
                "tmpfs", "tmpfs", "/dev", List.of("nosuid", "strictatime"), "mode=755,size=65536k"));
        ops.add(new RootfsOp.MountFs(
                "devpts",
                "devpts",
                "/dev/pts",
                List.of("nosuid", "noexec"),
                "newinstance,ptmxmode=0666,mode=0620,gid=5"));
        ops.add(new RootfsOp.MountFs("mqueue", "mqueue", "/dev/mqueue", KERNEL_FS, ""));
        ops.add(new RootfsOp.MountFs("sysfs", "sysfs", "/sys", sys, ""));
        if (host.cgroupMounts().size() > 1) {
            ops.add(new RootfsOp.MountFs("tmpfs", "tmpfs", "/sys/fs/cgroup", KERNEL_FS, "mode=755,size=64k"));
        }
        for (HostFacts.CgroupMount mount : host.cgroupMounts()) {
            ops.add(new RootfsOp.MountFs(mount.type(), "cgroup", mount.innerPath(), sys, mount.data()));
        }
    }

    private static void deviceLinks(List<RootfsOp> ops) {
        ops.add(new RootfsOp.Symlink("pts/ptmx", "/dev/ptmx"));
        ops.add(new RootfsOp.Symlink("/proc/self/fd", "/dev/fd"));
        ops.add(new RootfsOp.Symlink("/proc/self/fd/0", "/dev/stdin"));
        ops.add(new RootfsOp.Symlink("/proc/self/fd/1", "/dev/stdout"));
        ops.add(new RootfsOp.Symlink("/proc/self/fd/2", "/dev/stderr"));
    }

    private void podFiles(List<RootfsOp> ops, Pod pod, Set<String> covered, boolean readOnly) {
        if (!covered.contains("/dev/shm")) {
            Path shm = pod.hostIpc() ? Path.of("/dev/shm") : layout.shm(pod.id());
            ops.add(new RootfsOp.Bind(
                    shm,
                    "/dev/shm",
                    List.of(BindFlag.NO_SUID, BindFlag.NO_DEV, BindFlag.NO_EXEC, BindFlag.PRIVATE, BindFlag.MAKE_DIR)));
        }
        List<BindFlag> flags = readOnly
                ? List.of(BindFlag.PRIVATE, BindFlag.MAKE_FILE, BindFlag.READ_ONLY)
                : List.of(BindFlag.PRIVATE, BindFlag.MAKE_FILE);
        if (!covered.contains("/etc/resolv.conf")) {
            ops.add(new RootfsOp.Bind(layout.resolvConf(pod.id()), "/etc/resolv.conf", flags));
        }
        if (!covered.contains("/etc/hostname")) {
            ops.add(new RootfsOp.Bind(layout.hostname(pod.id()), "/etc/hostname", flags));
        }
        if (!covered.contains("/etc/hosts")) {
            ops.add(new RootfsOp.Bind(layout.hosts(pod.id()), "/etc/hosts", flags));
        }
    }

    private static RootfsOp bind(ContainerConfig config, Mount mount) throws CriException {
        String what = "container " + config.getMetadata().getName() + ": mount at " + mount.getContainerPath();
        if (!mount.getContainerPath().startsWith("/")) {
            throw CriException.invalid(what + ": the container path must be absolute");
        }
        if (mount.hasImage() && !mount.getImage().getImage().isEmpty()) {
            throw new CriException(
                    CriException.Kind.UNIMPLEMENTED,
                    "ImageVolumeMountFailed: " + what + ": image volumes are not served yet");
        }
        if (mount.getUidMappingsCount() > 0 || mount.getGidMappingsCount() > 0) {
            throw new CriException(
                    CriException.Kind.UNIMPLEMENTED,
                    what + ": id-mapped mounts are not served yet (user namespaces are not)");
        }
        if (mount.getMountOptionsCount() > 0) {
            throw new CriException(CriException.Kind.UNIMPLEMENTED, what + ": mount_options are not served yet");
        }
        if (!mount.getHostPath().startsWith("/")) {
            throw CriException.invalid(what + ": the host path \"" + mount.getHostPath() + "\" must be absolute");
        }
        Path source = Path.of(mount.getHostPath());
        if (!Files.exists(source)) {
            throw CriException.invalid(what + ": there is no " + source + " on the host");
        }
        EnumSet<BindFlag> flags =
                EnumSet.of(BindFlag.RECURSIVE, Files.isDirectory(source) ? BindFlag.MAKE_DIR : BindFlag.MAKE_FILE);
        flags.add(
                switch (mount.getPropagation()) {
                    case PROPAGATION_PRIVATE, UNRECOGNIZED -> BindFlag.PRIVATE;
                    case PROPAGATION_HOST_TO_CONTAINER -> BindFlag.SLAVE;
                    case PROPAGATION_BIDIRECTIONAL -> BindFlag.SHARED;
                });
        if (mount.getRecursiveReadOnly()) {
            if (!mount.getReadonly() || !flags.contains(BindFlag.PRIVATE)) {
                throw CriException.invalid(
                        "RROUnsupported: " + what + ": recursive_read_only needs readonly and private propagation");
            }
            flags.add(BindFlag.RECURSIVE_READ_ONLY);
        } else if (mount.getReadonly()) {
            flags.add(BindFlag.READ_ONLY);
        }
        return new RootfsOp.Bind(source, clean(mount.getContainerPath()), List.copyOf(flags));
    }

    private static void protect(
            List<RootfsOp> ops, ContainerConfig config, LinuxContainerSecurityContext security, boolean privileged) {
        // Lists that are given are meant literally, empty ones too (procMount: Unmasked); the defaults are for who
        // gives no security context at all.
        boolean given = config.getLinux().hasSecurityContext();
        if (!privileged) {
            (given ? security.getReadonlyPathsList() : DEFAULT_READONLY)
                    .forEach(path -> ops.add(new RootfsOp.ReadOnlyPath(path)));
            (given ? security.getMaskedPathsList() : DEFAULT_MASKED).forEach(path -> ops.add(new RootfsOp.Mask(path)));
        }
        if (security.getReadonlyRootfs()) {
            ops.add(new RootfsOp.ReadOnlyRoot());
        }
    }

    /** Without doubled and trailing slashes, so that the same place has the same name. */
    static String clean(String path) {
        return Path.of("/").resolve(path).normalize().toString();
    }
}
