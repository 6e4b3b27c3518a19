package io.gantry.daemon;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * What the daemon is told by its config.toml and its flags. {@code /etc/gantry/config.toml} in the distribution documents each key.
 *
 * @param root what outlives a reboot: images, layers, pods, containers
 * @param run what does not: sockets, network namespaces; best on a tmpfs
 * @param socket where the CRI is served
 * @param socketGroup the group that may use the socket besides root; a name or a number
 * @param shim the shim's binary
 */
public record DaemonConfig(
        Path root,
        Path run,
        Path socket,
        String socketGroup,
        Path shim,
        String logLevel,
        Cgroup cgroup,
        Image image,
        Cni cni,
        Pods pods,
        Cdi cdi,
        Streaming streaming) {

    /** Which cgroup driver: {@code auto}, {@code systemd} or {@code cgroupfs}. */
    public record Cgroup(String driver) {}

    /**
     * Registries and the image store.
     *
     * @param certsDir containerd's hosts.toml layout
     * @param authFile a docker config.json with credentials, used when the CRI call brings none; empty for none
     * @param embeddedDir a folder of OCI layouts that are imported at start; empty for none
     * @param parallelLayers layers fetched and unpacked at the same time, 1 to 64
     * @param stallTimeout a download that brings nothing for so long is tried again
     * @param keepBlobs keep compressed layers after they have been unpacked
     * @param pinned references that image collection must leave alone
     */
    public record Image(
            Path certsDir,
            String authFile,
            String embeddedDir,
            int parallelLayers,
            Duration stallTimeout,
            boolean keepBlobs,
            List<String> pinned) {}

    /**
     * Pod networks.
     *
     * @param confDir conflists; the first by name is the pods' network
     * @param binDirs plugins, searched in this order
     * @param timeout for each plugin's run
     */
    public record Cni(Path confDir, List<Path> binDirs, Duration timeout) {}

    /**
     * How containers run.
     *
     * @param seccompProfileRoot where relative localhost profiles lie
     * @param defaultRuntimeHandler the name that stands for the only handler besides the empty one
     * @param podShmSize bytes of a pod's /dev/shm
     */
    public record Pods(Path seccompProfileRoot, String defaultRuntimeHandler, long podShmSize) {}

    /**
     * Devices that vendors describe (Container Device Interface).
     *
     * @param specDirs folders of their files; what stands in a later one wins
     */
    public record Cdi(List<Path> specDirs) {}

    /**
     * Exec, attach and port-forward.
     *
     * @param port 0 for any free one
     * @param enableTls https, with a certificate that the daemon makes where none is given
     * @param tlsCert a PEM certificate chain, which means https; empty for none
     * @param tlsKey its PEM key; empty for none
     */
    public record Streaming(String address, int port, boolean enableTls, String tlsCert, String tlsKey) {}
}
