package io.gantry.sandbox;

import io.gantry.linux.LinuxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Version 2, the unified hierarchy. */
final class CgroupV2 implements Cgroups {
    private static final List<String> WANTED = List.of("cpuset", "cpu", "io", "memory", "hugetlb", "pids");

    private final Driver driver;
    private final Path mount;
    private final Systemd systemd = new Systemd();

    CgroupV2(Driver driver, Path mount) {
        this.driver = driver;
        this.mount = mount;
    }

    @Override
    public int version() {
        return 2;
    }

    @Override
    public Driver driver() {
        return driver;
    }

    @Override
    public Cgroup open(String parent, String leaf) throws SandboxException {
        CgroupV2Group group = new CgroupV2Group(mount, CgroupPaths.resolve(driver, parent, leaf));
        return switch (driver) {
            case CGROUPFS -> group;
            case SYSTEMD -> new SystemdGroup(group, systemd);
        };
    }

    @Override
    public Cgroup create(String parent, String leaf, FirstProcess first, Resources resources) throws SandboxException {
        CgroupV2Group group = new CgroupV2Group(mount, CgroupPaths.resolve(driver, parent, leaf));
        return switch (driver) {
            case CGROUPFS -> make(group, resources);
            case SYSTEMD -> {
                SystemdGroup scope = new SystemdGroup(group, systemd);
                scope.create(mount, first, resources);
                yield scope;
            }
        };
    }

    private Cgroup make(CgroupV2Group group, Resources resources) throws SandboxException {
        Path folder = group.folder();
        try {
            if (!CgroupFiles.makeFolders(mount, folder)) {
                throw new SandboxException(
                        SandboxException.Kind.ALREADY_EXISTS, "cgroup " + folder + " exists already");
            }
        } catch (IOException e) {
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL, "cannot make cgroup " + folder + ": " + e.getMessage(), e);
        }
        try {
            enableControllers(mount, folder);
            group.apply(resources, new CgroupChange(false));
            group.restrictDevices(resources);
            return group;
        } catch (LinuxException e) {
            undo(folder);
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL, "cannot prepare cgroup " + folder + ": " + e.getMessage(), e);
        } catch (SandboxException e) {
            undo(folder);
            throw e;
        }
    }

    private static void undo(Path folder) {
        try {
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            // Nothing was in it; the cause of all this is what the caller is told.
        }
    }

    /** Enables what can be enabled in each group above the leaf, and never in the leaf. A controller that cannot be (say, by processes in the way) shows when a limit needs it. */
    static void enableControllers(Path mount, Path leaf) throws LinuxException {
        Path at = mount;
        for (Path part : mount.relativize(leaf)) {
            Path control = at.resolve("cgroup.subtree_control");
            Set<String> enabled = words(control);
            Set<String> available = words(at.resolve("cgroup.controllers"));
            List<String> missing = new ArrayList<>();
            for (String controller : WANTED) {
                if (available.contains(controller) && !enabled.contains(controller)) {
                    missing.add("+" + controller);
                }
            }
            if (!missing.isEmpty()) {
                enable(control, missing);
            }
            at = at.resolve(part);
        }
    }

    private static void enable(Path control, List<String> missing) {
        try {
            CgroupFiles.write(control, String.join(" ", missing));
        } catch (LinuxException all) {
            for (String one : missing) {
                try {
                    CgroupFiles.write(control, one);
                } catch (LinuxException e) {
                    // See the caller: a limit that needs this one will tell.
                }
            }
        }
    }

    private static Set<String> words(Path file) throws LinuxException {
        return Set.of(CgroupFiles.read(file).split("\\s+", -1));
    }
}
