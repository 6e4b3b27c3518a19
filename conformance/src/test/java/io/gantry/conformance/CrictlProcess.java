package io.gantry.conformance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A crictl that runs beside the test, with its output in a file. The environment variable CRICTL names the program, as the scripts set it. */
final class CrictlProcess implements AutoCloseable {
    private final Process process;
    private final Path output;

    CrictlProcess(Path dir, String... arguments) {
        String program = System.getenv("CRICTL");
        if (program == null) {
            throw new IllegalStateException("CRICTL is not set: run this test by blackbox.sh");
        }
        String socket = "unix://" + dir.resolve("gantry.sock");
        List<String> command =
                new ArrayList<>(List.of(program, "--config", "/dev/null", "-r", socket, "-i", socket, "-t", "60s"));
        command.addAll(List.of(arguments));
        try {
            output = Files.createTempFile(dir, "crictl", ".out");
            process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .redirectInput(Path.of("/dev/null").toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    boolean isRunning() {
        return process.isAlive();
    }

    /** What it has printed until now. */
    String printed() {
        try {
            return Files.readString(output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Waits until it ends by itself, and answers with its exit code. */
    int waitFor() {
        Wait.until("crictl has ended: " + process.info(), () -> !process.isAlive());
        return process.exitValue();
    }

    @Override
    public void close() {
        try {
            // It catches other signals, and goes on in a stream.
            process.destroyForcibly();
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                throw new IllegalStateException("crictl, process " + process.pid() + ", does not end");
            }
            Files.deleteIfExists(output);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
