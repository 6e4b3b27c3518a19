package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.runtime.cdi.ContainerEdits;
import io.gantry.sandbox.RootfsOp;
import io.gantry.sandbox.RootfsOp.BindFlag;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The mounts of CDI devices, whose options are those of mount(8) and of the OCI's runtime-spec. */
final class CdiMounts {
    private static final Map<String, Set<BindFlag>> BIND_OPTIONS = Map.ofEntries(
            Map.entry("bind", EnumSet.noneOf(BindFlag.class)),
            Map.entry("rbind", EnumSet.of(BindFlag.RECURSIVE)),
            Map.entry("ro", EnumSet.of(BindFlag.READ_ONLY)),
            Map.entry("rro", EnumSet.of(BindFlag.RECURSIVE_READ_ONLY, BindFlag.RECURSIVE)),
            Map.entry("nosuid", EnumSet.of(BindFlag.NO_SUID)),
            Map.entry("nodev", EnumSet.of(BindFlag.NO_DEV)),
            Map.entry("noexec", EnumSet.of(BindFlag.NO_EXEC)),
            Map.entry("private", EnumSet.noneOf(BindFlag.class)),
            Map.entry("rprivate", EnumSet.noneOf(BindFlag.class)),
            Map.entry("slave", EnumSet.of(BindFlag.SLAVE)),
            Map.entry("rslave", EnumSet.of(BindFlag.SLAVE)),
            Map.entry("shared", EnumSet.of(BindFlag.SHARED)),
            Map.entry("rshared", EnumSet.of(BindFlag.SHARED)));

    /** What mounts have without being told. */
    private static final Set<String> USUAL = Set.of("rw", "suid", "dev", "exec", "relatime", "defaults");

    private static final Set<String> TMPFS_FLAGS = Set.of("ro", "nosuid", "nodev", "noexec", "noatime", "strictatime");

    private CdiMounts() {}

    static RequestedMounts.Placed placed(String what, ContainerEdits.Mount mount) throws CriException {
        String inner = RequestedMounts.clean(mount.containerPath());
        return new RequestedMounts.Placed(
                inner,
                switch (mount.type()) {
                    case "", "bind", "none" -> bind(what, mount, inner);
                    case "tmpfs" -> tmpfs(mount, inner);
                    default ->
                        throw CriException.precondition(what + "CDI mount at " + mount.containerPath() + ": the type "
                                + mount.type() + " is neither bind nor tmpfs");
                });
    }

    private static RootfsOp bind(String what, ContainerEdits.Mount mount, String inner) throws CriException {
        String name = what + "CDI mount of " + mount.hostPath() + " at " + mount.containerPath() + ": ";
        EnumSet<BindFlag> flags = EnumSet.noneOf(BindFlag.class);
        for (String option : mount.options()) {
            Set<BindFlag> meant = BIND_OPTIONS.get(option);
            if (meant != null) {
                flags.addAll(meant);
            } else if (!USUAL.contains(option)) {
                throw CriException.precondition(name + "the option \"" + option + "\" is unknown");
            }
        }
        if (flags.contains(BindFlag.RECURSIVE_READ_ONLY)) {
            flags.remove(BindFlag.READ_ONLY);
        }
        if (flags.contains(BindFlag.SHARED)) {
            flags.remove(BindFlag.SLAVE);
        } else if (!flags.contains(BindFlag.SLAVE)) {
            flags.add(BindFlag.PRIVATE);
        }
        try {
            Path source = Path.of(mount.hostPath());
            if (!source.isAbsolute()) {
                throw CriException.precondition(name + "the host path is not absolute");
            }
            if (!Files.exists(source)) {
                throw CriException.precondition(name + "there is no such file on the host");
            }
            flags.add(Files.isDirectory(source) ? BindFlag.MAKE_DIR : BindFlag.MAKE_FILE);
            return new RootfsOp.Bind(source.normalize(), inner, List.copyOf(flags));
        } catch (InvalidPathException e) {
            throw CriException.precondition(name + e.getReason());
        }
    }

    private static RootfsOp tmpfs(ContainerEdits.Mount mount, String inner) {
        List<String> flags = new ArrayList<>();
        List<String> data = new ArrayList<>();
        for (String option : mount.options()) {
            if (TMPFS_FLAGS.contains(option)) {
                flags.add(option);
            } else if (!USUAL.contains(option)) {
                data.add(option);
            }
        }
        return new RootfsOp.MountFs("tmpfs", "tmpfs", inner, List.copyOf(flags), String.join(",", data));
    }
}
