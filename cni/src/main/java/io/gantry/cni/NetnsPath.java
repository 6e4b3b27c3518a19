package io.gantry.cni;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tells a pinned namespace from the plain file that its mount leaves behind after a reboot or an unmount. */
final class NetnsPath {
    private NetnsPath() {}

    /**
     * Whether a path names a namespace. All namespaces live in one nsfs, so they share the device number of our own. Plugins fail on a
     * path that exists and is none, but take an absent one for a namespace that is gone.
     */
    static boolean isNamespace(Path path) {
        try {
            return Files.getAttribute(path, "unix:dev")
                    .equals(Files.getAttribute(Path.of("/proc/self/ns/net"), "unix:dev"));
        } catch (IOException e) {
            return false;
        }
    }
}
