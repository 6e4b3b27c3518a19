package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.Mount;
import io.gantry.cri.v1.MountPropagation;
import io.gantry.image.Image;
import io.gantry.sandbox.RootfsOp;
import io.gantry.sandbox.RootfsOp.BindFlag;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The mounts that a container's request asks for. Pure but for looking whether host paths exist. */
final class RequestedMounts {
    /** What the CRI wants a failure to mount an image to begin with. */
    static final String IMAGE_FAILED = "ImageVolumeMountFailed: ";

    private static final Map<String, BindFlag> OPTIONS =
            Map.of("noexec", BindFlag.NO_EXEC, "nodev", BindFlag.NO_DEV, "nosuid", BindFlag.NO_SUID);

    private RequestedMounts() {}

    /** A mount of the request or a volume of the image, by where it goes. */
    record Placed(String innerPath, RootfsOp op) {}

    /**
     * In the order of the request.
     *
     * @param images of the image volumes, by {@link #imageName}
     * @param users of the pod
     */
    static List<Placed> of(ContainerConfig config, Map<String, Image> images, @Nullable UserMapping users)
            throws CriException {
        List<Placed> placed = new ArrayList<>();
        for (Mount mount : config.getMountsList()) {
            String what = "container " + config.getMetadata().getName() + ": mount at " + mount.getContainerPath();
            if (!mount.getContainerPath().startsWith("/")) {
                throw CriException.invalid(what + ": the container path must be absolute");
            }
            if (mount.getContainerPath().indexOf(0) >= 0
                    || mount.getHostPath().indexOf(0) >= 0
                    || mount.getImageSubPath().indexOf(0) >= 0) {
                throw CriException.invalid(what.replace("\0", "\\0") + ": a path holds a NUL");
            }
            Set<BindFlag> mapped = UserMapping.applies(what, mount, users) ? Set.of(BindFlag.ID_MAPPED) : Set.of();
            placed.add(new Placed(
                    clean(mount.getContainerPath()),
                    isImage(mount) ? image(what, mount, images) : bind(what, mount, mapped)));
        }
        return placed;
    }

    /** Whether an image is mounted rather than a host path. */
    static boolean isImage(Mount mount) {
        return mount.hasImage() && !imageName(mount).isEmpty();
    }

    /** What the request calls the image. */
    static String imageName(Mount mount) {
        return mount.getImage().getImage().isEmpty()
                ? mount.getImage().getImageRef()
                : mount.getImage().getImage();
    }

    private static RootfsOp image(String what, Mount mount, Map<String, Image> images) throws CriException {
        if (!mount.getHostPath().isEmpty()) {
            throw CriException.invalid(
                    IMAGE_FAILED + what + ": both an image and the host path " + mount.getHostPath() + " are given");
        }
        if (!mount.getReadonly()) {
            throw CriException.invalid(IMAGE_FAILED + what + ": an image can only be mounted with readonly");
        }
        if (mount.getPropagation() != MountPropagation.PROPAGATION_PRIVATE) {
            throw CriException.invalid(
                    IMAGE_FAILED + what + ": an image has no mounts to propagate; " + mount.getPropagation());
        }
        EnumSet<BindFlag> flags = EnumSet.of(BindFlag.READ_ONLY, BindFlag.PRIVATE);
        flags.addAll(options(what, mount));
        Image image = images.get(imageName(mount));
        if (image == null) {
            throw new IllegalStateException("image " + imageName(mount) + " was not looked up");
        }
        return new RootfsOp.ImageMount(
                image.layerPathsTopFirst(),
                clean(mount.getContainerPath()),
                mount.getImageSubPath(),
                List.copyOf(flags));
    }

    private static Set<BindFlag> options(String what, Mount mount) throws CriException {
        EnumSet<BindFlag> flags = EnumSet.noneOf(BindFlag.class);
        for (String option : mount.getMountOptionsList()) {
            BindFlag flag = OPTIONS.get(option);
            if (flag == null) {
                throw CriException.invalid(
                        what + ": unknown mount option \"" + option + "\"; there are noexec, nodev and nosuid");
            }
            flags.add(flag);
        }
        return flags;
    }

    private static RootfsOp bind(String what, Mount mount, Set<BindFlag> mapped) throws CriException {
        if (!mount.getImageSubPath().isEmpty()) {
            throw CriException.invalid(what + ": image_sub_path is given without an image");
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
        flags.addAll(options(what, mount));
        flags.addAll(mapped);
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
