package io.gantry.sandbox;

import io.gantry.linux.Errno;
import io.gantry.linux.LinuxException;
import io.gantry.linux.MountInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Version 1, and the hybrid of both: a folder for each group in each hierarchy, the unified one included where it is mounted. */
final class CgroupV1 implements Cgroups {
    private static final List<String> CONTROLLERS = List.of(
            "cpu",
            "cpuacct",
            "cpuset",
            "memory",
            "devices",
            "freezer",
            "blkio",
            "pids",
            "hugetlb",
            "net_cls",
            "net_prio",
            "perf_event",
            "rdma",
            "misc");

    private final List<Hierarchy> hierarchies;
    private final @Nullable Path unified;

    /** One mount of cgroup v1, with its controllers; none for a named one. */
    record Hierarchy(Path mount, Set<String> controllers) {}

    CgroupV1(List<MountInfo> mounts) {
        List<Hierarchy> found = new ArrayList<>();
        Set<List<String>> seen = new HashSet<>();
        Path unifiedMount = null;
        for (MountInfo mount : mounts) {
            if (mount.type().equals("cgroup2") && unifiedMount == null) {
                unifiedMount = Path.of(mount.target());
            }
            // The same hierarchy may be mounted in several places; the first counts.
            if (mount.type().equals("cgroup") && seen.add(identity(mount))) {
                Set<String> controllers = new HashSet<>(mount.superOptions());
                controllers.retainAll(CONTROLLERS);
                found.add(new Hierarchy(Path.of(mount.target()), controllers));
            }
        }
        hierarchies = List.copyOf(found);
        unified = unifiedMount;
    }

    private static List<String> identity(MountInfo mount) {
        return mount.superOptions().stream()
                .filter(option -> CONTROLLERS.contains(option) || option.startsWith("name="))
                .sorted()
                .toList();
    }

    static boolean isController(MountInfo mount, String controller) {
        return mount.superOptions().contains(controller);
    }

    @Override
    public int version() {
        return 1;
    }

    @Override
    public Driver driver() {
        return Driver.CGROUPFS;
    }

    @Override
    public Cgroup open(String parent, String leaf) throws SandboxException {
        return group(CgroupPaths.resolve(driver(), parent, leaf));
    }

    private CgroupV1Group group(String path) {
        return new CgroupV1Group(path, hierarchies, unified);
    }

    @Override
    public Cgroup create(String parent, String leaf, FirstProcess first, Resources resources) throws SandboxException {
        CgroupV1Group group = group(CgroupPaths.resolve(driver(), parent, leaf));
        List<Path> made = new ArrayList<>();
        try {
            for (Hierarchy hierarchy : hierarchies) {
                Path folder = hierarchy.mount().resolve(group.path());
                if (!CgroupFiles.makeFolders(hierarchy.mount(), folder)) {
                    throw exists(folder);
                }
                made.add(folder);
                if (hierarchy.controllers().contains("cpuset")) {
                    inheritCpuset(hierarchy.mount(), folder, resources);
                }
            }
            if (unified != null) {
                Path folder = unified.resolve(group.path());
                if (!CgroupFiles.makeFolders(unified, folder)) {
                    throw exists(folder);
                }
                made.add(folder);
                if (resources.hugepages().values().stream().anyMatch(bytes -> bytes != 0)) {
                    CgroupV2.enableControllers(unified, folder);
                }
            }
            group.apply(resources, new CgroupChange(false));
            return group;
        } catch (IOException e) {
            undo(made);
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL, "cannot make cgroup " + group.path() + ": " + e.getMessage(), e);
        } catch (SandboxException e) {
            undo(made);
            throw e;
        }
    }

    private static SandboxException exists(Path folder) {
        return new SandboxException(SandboxException.Kind.ALREADY_EXISTS, "cgroup " + folder + " exists already");
    }

    private static void undo(List<Path> made) {
        for (Path folder : made) {
            try {
                Files.deleteIfExists(folder);
            } catch (IOException e) {
                // Nothing was in it; the cause of all this is what the caller is told.
            }
        }
    }

    /** A new cpuset is empty, and no process can enter it before it has processors and memory nodes. */
    private static void inheritCpuset(Path mount, Path folder, Resources resources) throws LinuxException {
        if (resources.cpusetCpus().isEmpty()) {
            CgroupFiles.write(folder.resolve("cpuset.cpus"), cpuset(mount, folder.getParent(), "cpuset.cpus"));
        } else {
            cpuset(mount, folder.getParent(), "cpuset.cpus");
        }
        if (resources.cpusetMems().isEmpty()) {
            CgroupFiles.write(folder.resolve("cpuset.mems"), cpuset(mount, folder.getParent(), "cpuset.mems"));
        } else {
            cpuset(mount, folder.getParent(), "cpuset.mems");
        }
    }

    /** What a folder has; where it is empty, which helps nobody, it is filled from above first. */
    private static String cpuset(Path mount, @Nullable Path folder, String file) throws LinuxException {
        if (folder == null) {
            throw new LinuxException("open", mount + "/" + file, Errno.ENOENT);
        }
        String own = CgroupFiles.read(folder.resolve(file));
        if (!own.isEmpty() || folder.equals(mount)) {
            return own;
        }
        String above = cpuset(mount, folder.getParent(), file);
        CgroupFiles.write(folder.resolve(file), above);
        return above;
    }

    static Optional<Path> folderOf(List<Hierarchy> hierarchies, String controller, String path) {
        return hierarchies.stream()
                .filter(hierarchy -> hierarchy.controllers().contains(controller))
                .findFirst()
                .map(hierarchy -> hierarchy.mount().resolve(path));
    }
}
