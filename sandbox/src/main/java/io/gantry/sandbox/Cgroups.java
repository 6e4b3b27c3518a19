package io.gantry.sandbox;

import io.gantry.linux.LinuxException;
import io.gantry.linux.MountInfo;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The machine's cgroups, by whichever version it has. Groups are made and limited here; the files of ancestors are left alone but for {@code cgroup.subtree_control}.
 */
public sealed interface Cgroups permits CgroupV1, CgroupV2 {
    /** Who makes the groups: this process by mkdir, or systemd over D-Bus. */
    enum Driver {
        CGROUPFS,
        SYSTEMD
    }

    /**
     * Finds out which version is mounted. A hybrid machine, where version 2 has few controllers, is version 1.
     *
     * @param wanted null chooses systemd where it runs and the version is 2, since two owners of one tree get into each other's way
     */
    static Cgroups detect(@Nullable Driver wanted) throws SandboxException {
        try {
            return of(wanted, MountInfo.self());
        } catch (LinuxException e) {
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL, "cannot find the cgroup mounts: " + e.getMessage(), e);
        }
    }

    private static Cgroups of(@Nullable Driver wanted, List<MountInfo> mounts) throws SandboxException {
        if (mounts.stream()
                .anyMatch(mount -> mount.type().equals("cgroup") && CgroupV1.isController(mount, "memory"))) {
            if (wanted == Driver.SYSTEMD) {
                throw new SandboxException(
                        SandboxException.Kind.FAILED_PRECONDITION,
                        "the systemd cgroup driver needs cgroup v2, and this machine has v1");
            }
            return new CgroupV1(mounts);
        }
        if (wanted == Driver.SYSTEMD && !Systemd.isRunning()) {
            throw new SandboxException(
                    SandboxException.Kind.FAILED_PRECONDITION,
                    "the systemd cgroup driver needs systemd as PID 1, and its socket or that of D-Bus below /run");
        }
        Driver driver = wanted != null ? wanted : Systemd.isRunning() ? Driver.SYSTEMD : Driver.CGROUPFS;
        return mounts.stream()
                .filter(mount -> mount.type().equals("cgroup2"))
                .findFirst()
                .map(mount -> (Cgroups) new CgroupV2(driver, Path.of(mount.target())))
                .orElseThrow(() -> new SandboxException(
                        SandboxException.Kind.FAILED_PRECONDITION, "no cgroup file system is mounted"));
    }

    /** 1 or 2. */
    int version();

    Driver driver();

    /**
     * Makes a group for a container and sets its limits; missing parents are made too. On failure nothing is left but those parents.
     *
     * @param parent as the kubelet spells it: {@code /kubepods/burstable/podUID}, or a slice such as {@code kubepods-burstable-podUID.slice}, or a path to one; empty
     *     for the top
     * @param leaf {@code <id>}, or {@code <prefix>-<id>.scope}; see {@link #leafName}
     * @param first used by the systemd driver alone
     */
    Cgroup create(String parent, String leaf, FirstProcess first, Resources resources) throws SandboxException;

    /** A group made before; it need not exist any more. An empty leaf is the parent itself: for a pod's statistics. */
    Cgroup open(String parent, String leaf) throws SandboxException;

    /** The leaf's name for a container in this driver's manner. */
    default String leafName(String prefix, String id) {
        return switch (driver()) {
            case CGROUPFS -> id;
            case SYSTEMD -> prefix + "-" + id + ".scope";
        };
    }
}
