package io.gantry.sandbox;

import io.gantry.linux.Fd;
import io.gantry.linux.LinuxException;
import io.gantry.linux.Mounts;
import io.gantry.linux.ProcessId;
import io.gantry.linux.Spawn;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Starts shims and finds those that a former daemon started. */
public final class Shims {
    private static final Duration LAUNCH = Duration.ofSeconds(30);
    private static final int NOT_IN_HOST_NETWORK = 3;

    private final Path binary;
    private @Nullable Fd sealed;

    /**
     * @param binary the gantry-shim program
     */
    public Shims(Path binary) {
        this.binary = binary;
    }

    /**
     * Starts a shim, which outlives this process.
     *
     * @param podRunDir an existing folder of the pod's own, named by its id
     * @param cgroup the folder of a group of version 2 that it is born into; null for this process's groups
     */
    public Shim launch(Path podRunDir, @Nullable Path cgroup) throws SandboxException {
        String pod = String.valueOf(podRunDir.getFileName());
        List<String> arguments = new ArrayList<>(List.of("gantry-shim", podRunDir.toString(), "sealed"));
        if (cgroup != null) {
            arguments.add(cgroup.toString());
        }
        try {
            Spawn.Result result = Spawn.run(sealed(), arguments, List.of(), LAUNCH);
            if (result.code() != 0) {
                String why = result.timedOut()
                        ? "it did not get ready in time"
                        : result.stderr().strip();
                throw new SandboxException(
                        SandboxException.Kind.INTERNAL,
                        "cannot start the shim of pod " + pod + " (exit " + result.code() + "): " + why);
            }
        } catch (LinuxException e) {
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL, "cannot start the shim of pod " + pod + ": " + e.getMessage(), e);
        }
        return reconnect(podRunDir)
                .orElseThrow(() -> new SandboxException(
                        SandboxException.Kind.INTERNAL, "the shim of pod " + pod + " ended as soon as it had started"));
    }

    /**
     * The program in a read-only mount, by a path that also the child can open, whose own descriptors are closed by then. One for all shims: that each makes its own costs a second
     * exec, and the end of the mount waits for RCU.
     */
    private synchronized String sealed() throws LinuxException {
        if (sealed == null) {
            sealed = Mounts.readOnlyFile(binary);
        }
        return "/proc/" + ProcessHandle.current().pid() + "/fd/" + sealed.value();
    }

    /**
     * Makes a user namespace with what containers in it have.
     *
     * @param folder new and empty, where image layers lie; what is made in it is left there
     */
    public UserNamespaceSupport probeUserNamespaces(Path folder) {
        try {
            Spawn.Result result = Spawn.run(
                    List.of(binary.toString(), "--probe-user-namespaces", folder.toString()), List.of(), LAUNCH);
            String said = result.stderr().strip();
            return switch (result.code()) {
                case 0 -> new UserNamespaceSupport(true, true, "");
                case NOT_IN_HOST_NETWORK -> new UserNamespaceSupport(true, false, said);
                default ->
                    new UserNamespaceSupport(
                            false, false, said.isEmpty() ? "the probe ended with code " + result.code() : said);
            };
        } catch (LinuxException e) {
            return new UserNamespaceSupport(false, false, String.valueOf(e.getMessage()));
        }
    }

    /** The shim that serves this folder; empty if it is gone, or there never was one. */
    public Optional<Shim> reconnect(Path podRunDir) throws SandboxException {
        Path file = podRunDir.resolve("shim.pid");
        try {
            String[] fields =
                    Files.readString(file, StandardCharsets.US_ASCII).strip().split(" ", -1);
            ProcessId process = new ProcessId(Long.parseLong(fields[0]), Long.parseLong(fields[1]));
            return process.isAlive() ? Optional.of(new Shim(podRunDir, process)) : Optional.empty();
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException | NumberFormatException | IndexOutOfBoundsException e) {
            throw new SandboxException(SandboxException.Kind.INTERNAL, "cannot read " + file + ": " + e, e);
        }
    }
}
