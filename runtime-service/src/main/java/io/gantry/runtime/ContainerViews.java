package io.gantry.runtime;

import io.gantry.cri.v1.ContainerFilter;
import io.gantry.cri.v1.ContainerResources;
import io.gantry.cri.v1.ContainerStatus;
import io.gantry.cri.v1.ContainerUser;
import io.gantry.cri.v1.ImageSpec;
import io.gantry.cri.v1.LinuxContainerUser;
import io.gantry.cri.v1.Mount;
import io.gantry.runtime.state.ContainerRecord;
import java.util.List;

/** Containers as the CRI shows them. */
final class ContainerViews {
    private ContainerViews() {}

    static io.gantry.cri.v1.ContainerState state(Container container) {
        return switch (container.state()) {
            case ContainerState.Creating _ -> io.gantry.cri.v1.ContainerState.CONTAINER_UNKNOWN;
            case ContainerState.Created _ -> io.gantry.cri.v1.ContainerState.CONTAINER_CREATED;
            case ContainerState.Running _ -> io.gantry.cri.v1.ContainerState.CONTAINER_RUNNING;
            case ContainerState.Exited _ -> io.gantry.cri.v1.ContainerState.CONTAINER_EXITED;
        };
    }

    static io.gantry.cri.v1.Container item(Container container) {
        ContainerRecord record = container.record();
        return io.gantry.cri.v1.Container.newBuilder()
                .setId(container.id())
                .setPodSandboxId(container.podId())
                .setMetadata(container.config().getMetadata())
                .setImage(container.config().getImage())
                .setImageRef(record.getImageId())
                .setImageId(record.getImageId())
                .setState(state(container))
                .setCreatedAt(record.getCreatedAt())
                .putAllLabels(container.config().getLabelsMap())
                .putAllAnnotations(container.config().getAnnotationsMap())
                .build();
    }

    static ContainerStatus status(Container container) {
        ContainerRecord record = container.record();
        ContainerStatus.Builder status = ContainerStatus.newBuilder()
                .setId(container.id())
                .setMetadata(container.config().getMetadata())
                .setState(state(container))
                .setCreatedAt(record.getCreatedAt())
                .setImage(image(container))
                .setImageRef(imageReference(record))
                .setImageId(record.getImageId())
                .putAllLabels(container.config().getLabelsMap())
                .putAllAnnotations(container.config().getAnnotationsMap())
                .addAllMounts(mounts(container))
                .setLogPath(record.getLogPath())
                .setStopSignal(container.config().getStopSignal())
                .setResources(ContainerResources.newBuilder()
                        .setLinux(container.present().resources()))
                .setUser(ContainerUser.newBuilder()
                        .setLinux(LinuxContainerUser.newBuilder()
                                .setUid(record.getUid())
                                .setGid(record.getGid())
                                .addAllSupplementalGroups(record.getSupplementalGroupsList())));
        switch (container.state()) {
            case ContainerState.Creating _, ContainerState.Created _ -> {}
            case ContainerState.Running running -> status.setStartedAt(running.startedAt());
            case ContainerState.Exited exited ->
                status.setStartedAt(exited.startedAt())
                        .setFinishedAt(exited.finishedAt())
                        .setExitCode(exited.exitCode())
                        .setReason(exited.reason())
                        .setMessage(exited.message());
        }
        return status.build();
    }

    /** As they were asked for; an image with the id that PullImage answers besides. */
    private static List<Mount> mounts(Container container) {
        return container.config().getMountsList().stream()
                .map(mount -> {
                    String id = container.record().getMountedImagesMap().get(RequestedMounts.imageName(mount));
                    return id == null
                            ? mount
                            : mount.toBuilder()
                                    .setImage(mount.getImage().toBuilder().setImageRef(id))
                                    .build();
                })
                .toList();
    }

    /** Containers that an earlier version made have no reference. */
    private static String imageReference(ContainerRecord record) {
        return record.getImageReference().isEmpty() ? record.getImageId() : record.getImageReference();
    }

    /** The image by its name, with what else the client wrote. */
    private static ImageSpec image(Container container) {
        return container.config().getImage().toBuilder()
                .setImage(container.record().getImageName())
                .build();
    }

    /** Whether {@code container} passes {@code filter}; an empty field lets everything pass. Ids are matched apart. */
    static boolean matches(Container container, ContainerFilter filter) {
        return (!filter.hasState() || filter.getState().getState() == state(container))
                && PodViews.hasLabels(container.config().getLabelsMap(), filter.getLabelSelectorMap());
    }
}
