package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.LinuxContainerSecurityContext;
import io.gantry.image.Image;
import io.gantry.sandbox.RootfsOp;
import io.gantry.sandbox.RootfsOp.BindFlag;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

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

    /** Who may write to another's terminal, by convention on all of Linux. */
    private static final int TTY_GROUP = 5;

    private final RuntimeLayout layout;
    private final HostFacts host;

    ContainerMounts(RuntimeLayout layout, HostFacts host) {
        this.layout = layout;
        this.host = host;
    }

    List<RootfsOp> build(
            String id,
            Pod pod,
            ContainerConfig config,
            HeldImages.Of images,
            List<RootfsOp.Device> devices,
            List<RequestedMounts.Placed> ofDevices)
            throws CriException {
        Image image = images.own();
        LinuxContainerSecurityContext security = config.getLinux().getSecurityContext();
        boolean privileged = security.getPrivileged();
        Set<String> covered = new HashSet<>();
        List<RequestedMounts.Placed> placed = RequestedMounts.of(config, images.mounted(), pod.users());
        ofDevices.forEach(mount -> placed.removeIf(other -> other.innerPath().equals(mount.innerPath())));
        placed.addAll(ofDevices);
        placed.forEach(mount -> covered.add(mount.innerPath()));

        List<RootfsOp> ops = new ArrayList<>();
        ops.add(new RootfsOp.Overlay(
                image.layerPathsTopFirst(), layout.upper(id), layout.work(id), layout.rootfs(id), true, false));
        kernelFileSystems(ops, privileged, pod.users());
        ops.addAll(devices);
        deviceLinks(ops);
        if (config.getTty()) {
            ops.add(new RootfsOp.Console("/dev/console"));
        }
        podFiles(ops, pod, covered, security.getReadonlyRootfs());
        int number = 0;
        for (String volume : image.config().volumes()) {
            String inner = RequestedMounts.clean(volume);
            if (covered.add(inner)) {
                placed.add(new RequestedMounts.Placed(inner, new RootfsOp.Volume(layout.volume(id, number++), inner)));
            }
        }
        // A mount below another must come after it, whatever order they were asked for in.
        placed.sort(Comparator.comparingLong(
                p -> p.innerPath().chars().filter(c -> c == '/').count()));
        placed.forEach(p -> ops.add(p.op()));
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

    private void kernelFileSystems(List<RootfsOp> ops, boolean privileged, @Nullable UserMapping users) {
        List<String> sys = privileged ? KERNEL_FS : List.of("nosuid", "noexec", "nodev", "ro");
        ops.add(new RootfsOp.MountFs("proc", "proc", "/proc", KERNEL_FS, ""));
        ops.add(new RootfsOp.MountFs(
                "tmpfs", "tmpfs", "/dev", List.of("nosuid", "strictatime"), "mode=755,size=65536k"));
        ops.add(new RootfsOp.MountFs(
                "devpts",
                "devpts",
                "/dev/pts",
                List.of("nosuid", "noexec"),
                "newinstance,ptmxmode=0666,mode=0620"
                        + (users == null || users.gids().covers(TTY_GROUP) ? ",gid=" + TTY_GROUP : "")));
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
}
