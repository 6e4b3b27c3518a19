package io.gantry.daemon;

import java.nio.file.Path;

/**
 * Where the distribution's own files lie. The launcher says so by the system property {@code gantry.home}; its layout is
 * packaging/'s.
 */
final class Distribution {
    private static final Path HOME = Path.of(System.getProperty("gantry.home", "/usr/lib/gantry"));

    private Distribution() {}

    static Path shim() {
        return HOME.resolve("lib").resolve("gantry-shim");
    }

    static String version() {
        return System.getProperty("gantry.version", "0.1.0");
    }
}
