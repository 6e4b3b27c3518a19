package io.gantry.cni;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * Where networks and plugins are found.
 *
 * @param confDirs folders of network configurations, in order of preference; a folder may be missing and may come later
 * @param binDirs folders of plugin binaries, searched in order
 * @param cacheDir folder for the results of attachments, in the layout of libcni ({@code results/<network>-<container>-<ifname>})
 * @param pluginTimeout how long one call of one plugin may take before its process tree is killed
 */
public record CniConfig(List<Path> confDirs, List<Path> binDirs, Path cacheDir, Duration pluginTimeout) {
    /** Long enough for plugins that wait for an agent which is just being started. */
    public static final Duration DEFAULT_PLUGIN_TIMEOUT = Duration.ofSeconds(60);

    public CniConfig {
        confDirs = List.copyOf(confDirs);
        binDirs = List.copyOf(binDirs);
        if (confDirs.isEmpty() || binDirs.isEmpty()) {
            throw new IllegalArgumentException("a folder for network configurations and one for plugins are needed");
        }
        if (pluginTimeout.isNegative() || pluginTimeout.isZero()) {
            throw new IllegalArgumentException("the plugin timeout must be positive, not " + pluginTimeout);
        }
    }

    /** The usual folders: /etc/cni/net.d; /opt/cni/bin and Debian's /usr/lib/cni; /var/lib/cni. */
    public static CniConfig defaults() {
        return new CniConfig(
                List.of(Path.of("/etc/cni/net.d")),
                List.of(Path.of("/opt/cni/bin"), Path.of("/usr/lib/cni")),
                Path.of("/var/lib/cni"),
                DEFAULT_PLUGIN_TIMEOUT);
    }
}
