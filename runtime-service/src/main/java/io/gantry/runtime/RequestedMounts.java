package io.gantry.runtime;

import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.Mount;
import io.gantry.sandbox.RootfsOp;
import io.gantry.sandbox.RootfsOp.BindFlag;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;

/** The mounts that a container's request asks for. Pure but for looking whether host paths exist. */
final class RequestedMounts {
    private RequestedMounts() {}

    /** A mount of the request or a volume of the image, by where it goes. */
    record Placed(String innerPath, RootfsOp op) {}

    /** In the order of the request. */
    static List<Placed> of(ContainerConfig config) throws CriException {
        List<Placed> placed = new ArrayList<>();
        for (Mount mount : config.getMountsList()) {
            placed.add(new Placed(clean(mount.getContainerPath()), bind(config, mount)));
        }
        return placed;
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

    /** Without doubled and trailing slashes, so that the same place has the same name. */
    static String clean(String path) {
        return Path.of("/").resolve(path).normalize().toString();
    }
}
