package io.gantry.runtime.cdi;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a container gets with a device. Nothing of it has been looked up on the machine yet.
 *
 * @param environment {@code NAME=value} each
 * @param additionalGids supplementary groups
 * @param unserved what is asked for and cannot be had here, in words; empty if there is nothing
 * @see <a href="https://github.com/cncf-tags/container-device-interface/blob/v1.1.0/SPEC.md">CDI 1.1.0</a>
 */
public record ContainerEdits(
        List<String> environment,
        List<DeviceNode> deviceNodes,
        List<Mount> mounts,
        List<Long> additionalGids,
        List<String> unserved) {

    public ContainerEdits {
        environment = List.copyOf(environment);
        deviceNodes = List.copyOf(deviceNodes);
        mounts = List.copyOf(mounts);
        additionalGids = List.copyOf(additionalGids);
        unserved = List.copyOf(unserved);
    }

    /**
     * A device node.
     *
     * @param path in the container
     * @param hostPath of the device whose type and number count where they are not given
     * @param type {@code b}, {@code c}, {@code u}, {@code p}; empty for that of the host's
     * @param major null for that of the host's
     * @param minor null for that of the host's
     * @param fileMode permission bits; null for the runtime's usual ones
     * @param permissions of the device cgroup, made of r, w and m
     * @param uid null for the container's user
     * @param gid null for the container's group
     */
    public record DeviceNode(
            String path,
            String hostPath,
            String type,
            @Nullable Long major,
            @Nullable Long minor,
            @Nullable Long fileMode,
            String permissions,
            @Nullable Long uid,
            @Nullable Long gid) {}

    /**
     * A mount.
     *
     * @param type empty for a bind
     * @param options as mount(8) has them
     */
    public record Mount(String hostPath, String containerPath, String type, List<String> options) {
        public Mount {
            options = List.copyOf(options);
        }
    }
}
