package io.gantry.conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A daemon in a folder of its own, with the registry of the test images, both started and ended by the scripts beside this
 * module. The environment variable GANTRY_TEST_DIR names a folder in which both run already; they are then left running.
 */
final class DaemonUnderTest implements AutoCloseable {
    private static final Path SCRIPTS = Path.of(Objects.requireNonNull(System.getProperty("conformance.dir")));

    private final Path dir;
    private final boolean ours;
    private Cri cri;

    private DaemonUnderTest(Path dir, boolean ours) {
        this.dir = dir;
        this.ours = ours;
        this.cri = new Cri(dir);
    }

    static DaemonUnderTest start() {
        Optional<String> running = Optional.ofNullable(System.getenv("GANTRY_TEST_DIR"));
        if (running.isPresent()) {
            return new DaemonUnderTest(Path.of(running.get()), false);
        }
        return startIn(newFolder());
    }

    /** One that is never shared and never one that runs already. */
    static DaemonUnderTest startAlone() {
        return startIn(newFolder());
    }

    /** Where daemon.sh puts the network that it makes up. */
    Path conflist() {
        return dir.resolve("cni.d/10-bridge.conflist");
    }

    private static Path newFolder() {
        try {
            // Short: a socket's path may have 107 bytes.
            // Nobody else may enter: pods with a user namespace do not need to.
            return Files.createTempDirectory(Path.of("/tmp"), "gantry-bb.");
        } catch (IOException e) {
            throw new IllegalStateException("cannot make a folder in /tmp", e);
        }
    }

    private static DaemonUnderTest startIn(Path dir) {
        run("images.sh", dir.toString());
        run("daemon.sh", dir.toString());
        return new DaemonUnderTest(dir, true);
    }

    Cri cri() {
        return cri;
    }

    Path dir() {
        return dir;
    }

    long pid() {
        try {
            return Long.parseLong(Files.readString(dir.resolve("pid")).strip());
        } catch (IOException e) {
            throw new IllegalStateException("no pid file in " + dir, e);
        }
    }

    /** SIGTERM or SIGKILL, and waits until the process is gone. Its pods live on. */
    void end(boolean gracefully) {
        ProcessHandle process = ProcessHandle.of(pid()).orElseThrow();
        if (gracefully) {
            cri.close();
        }
        boolean asked = gracefully ? process.destroy() : process.destroyForcibly();
        if (!asked) {
            throw new IllegalStateException("cannot signal the daemon, process " + process.pid());
        }
        Wait.until("the daemon has ended", () -> !isRunning(process));
        // Not before SIGKILL: that is to meet the calls, and closing would cancel them.
        if (!gracefully) {
            cri.close();
        }
    }

    private static boolean isRunning(ProcessHandle process) {
        // A child of an init that does not reap stays as a zombie; it has ended all the same.
        try {
            String status = Files.readString(Path.of("/proc/" + process.pid() + "/status"));
            return !status.contains("State:\tZ");
        } catch (IOException e) {
            return false;
        }
    }

    void startAgain() {
        run("daemon.sh", dir.toString());
        cri = new Cri(dir);
    }

    /** Fails if anything of removed pods is on the machine while the daemon goes on. */
    void assertNothingLeft() {
        run("leftovers.sh", dir.toString(), "--running");
    }

    @Override
    public void close() {
        cri.close();
        if (ours) {
            run("stop.sh", dir.toString());
            run("leftovers.sh", dir.toString());
            deleteFolder();
        }
    }

    private void deleteFolder() {
        execute(List.of("rm", "-rf", "--one-file-system", dir.toString()));
    }

    private static void run(String script, String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(SCRIPTS.resolve(script).toString());
        command.addAll(List.of(arguments));
        execute(command);
    }

    /** Runs a program and answers with its standard output; a failure tells what it printed. */
    static String execute(List<String> command) {
        try {
            Path error = Files.createTempFile("gantry-bb", ".err");
            Path output = Files.createTempFile("gantry-bb", ".out");
            try {
                // Files, not pipes: what the script leaves running would hold a pipe open.
                Process process = new ProcessBuilder(command)
                        .redirectOutput(output.toFile())
                        .redirectError(error.toFile())
                        .start();
                if (!process.waitFor(10, TimeUnit.MINUTES)) {
                    process.destroyForcibly();
                    throw new IllegalStateException(command + " does not end");
                }
                String printed = Files.readString(output);
                if (process.exitValue() != 0) {
                    throw new AssertionError(
                            command + " failed with " + process.exitValue() + "\n" + printed + Files.readString(error));
                }
                return printed;
            } finally {
                Files.delete(error);
                Files.delete(output);
            }
        } catch (IOException e) {
            throw new IllegalStateException("cannot run " + command, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted in " + command, e);
        }
    }
}
