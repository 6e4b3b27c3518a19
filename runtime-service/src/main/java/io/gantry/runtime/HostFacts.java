package io.gantry.runtime;

import io.gantry.linux.MountInfo;
import io.gantry.sandbox.Selinux;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What container specs depend on of the machine, read once at start.
 *
 * @param bootId changes with each boot
 * @param hostname of the node
 * @param openFiles the soft and hard limit on open files that containers start with
 * @param cgroupMounts what to mount below /sys/fs/cgroup of a container, in order
 * @param selinux whether SELinux is on
 */
record HostFacts(String bootId, String hostname, Limit openFiles, List<CgroupMount> cgroupMounts, boolean selinux) {
    /** As systemd gives services: programs that use select(2) break above the soft one. */
    private static final long SOFT_OPEN_FILES = 1024;

    private static final long HARD_OPEN_FILES = 524_288;
    private static final String CGROUP_ROOT = "/sys/fs/cgroup";

    record Limit(long soft, long hard) {}

    /** A cgroup file system: the type, where in the container, and the mount data (v1: the hierarchy's controllers). */
    record CgroupMount(String type, String innerPath, String data) {}

    static HostFacts read() throws IOException {
        return new HostFacts(
                Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip(),
                Files.readString(Path.of("/proc/sys/kernel/hostname")).strip(),
                openFilesLimit(),
                cgroupMounts(MountInfo.self()),
                new Selinux().enabled());
    }

    private static Limit openFilesLimit() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/limits"))) {
            if (line.startsWith("Max open files")) {
                String hard = line.substring("Max open files".length()).strip().split("\\s+", -1)[1];
                long present = hard.equals("unlimited") ? Long.MAX_VALUE : Long.parseLong(hard);
                // Raising it would want CAP_SYS_RESOURCE.
                long allowed = Math.min(present, HARD_OPEN_FILES);
                return new Limit(Math.min(SOFT_OPEN_FILES, allowed), allowed);
            }
        }
        return new Limit(SOFT_OPEN_FILES, SOFT_OPEN_FILES);
    }

    static List<CgroupMount> cgroupMounts(List<MountInfo> mounts) {
        Map<String, CgroupMount> found = new LinkedHashMap<>();
        for (MountInfo mount : mounts) {
            if (mount.type().equals("cgroup2") && mount.target().equals(CGROUP_ROOT)) {
                return List.of(new CgroupMount("cgroup2", CGROUP_ROOT, ""));
            }
            boolean below = mount.target().startsWith(CGROUP_ROOT + "/");
            if (below && mount.type().equals("cgroup2")) {
                found.putIfAbsent(mount.target(), new CgroupMount("cgroup2", mount.target(), ""));
            } else if (below && mount.type().equals("cgroup")) {
                found.putIfAbsent(mount.target(), new CgroupMount("cgroup", mount.target(), hierarchy(mount)));
            }
        }
        return new ArrayList<>(found.values());
    }

    /** The super options name the hierarchy: {@code rw,cpu,cpuacct} or {@code rw,name=systemd}. */
    private static String hierarchy(MountInfo mount) {
        return String.join(
                ",",
                mount.superOptions().stream()
                        .filter(option -> !option.equals("rw")
                                && !option.equals("ro")
                                && !option.equals("xattr")
                                && !option.equals("clone_children")
                                && !option.startsWith("release_agent="))
                        .toList());
    }
}
