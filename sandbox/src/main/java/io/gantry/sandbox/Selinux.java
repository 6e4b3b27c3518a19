package io.gantry.sandbox;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether SELinux is on. Safe for many threads. */
public final class Selinux {
    /** What all processes are called until a policy is loaded. */
    private static final String WITHOUT_POLICY = "kernel";

    private final Path fileSystem;
    private final Path ownLabel;

    public Selinux() {
        this(Path.of("/sys/fs/selinux"), Path.of("/proc/self/attr/current"));
    }

    Selinux(Path fileSystem, Path ownLabel) {
        this.fileSystem = fileSystem;
        this.ownLabel = ownLabel;
    }

    /** Whether its file system is mounted and a policy is loaded, be it enforced or not; is_selinux_enabled(3) tells it in the same way. */
    public boolean enabled() {
        if (!Files.exists(fileSystem.resolve("enforce"))) {
            return false;
        }
        try {
            String label = new String(Files.readAllBytes(ownLabel), StandardCharsets.UTF_8);
            return !label.replace("\0", "").strip().equals(WITHOUT_POLICY);
        } catch (IOException e) {
            return false;
        }
    }
}
