package io.gantry.cni;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gantry.cni.CniException.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A plugin binary: parameters in the environment, configuration on standard input, result or error object on standard output
 * (specification, section 2).
 */
final class ExecPlugin implements Plugin {
    private static final String DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    /** How long output is still read once the plugin has ended: a process that it left behind may hold the pipe for ever. */
    private static final Duration DRAIN = Duration.ofSeconds(1);

    private static final int STDERR_KEPT = 4096;
    private static final int CODE_TRY_LATER = 11;
    private static final int CODE_NOT_AVAILABLE = 50;
    private static final int CODE_NOT_AVAILABLE_LIMITED = 51;

    private final Path binary;
    private final String cniPath;

    ExecPlugin(Path binary, List<Path> binDirs) {
        this.binary = binary;
        this.cniPath = binDirs.stream().map(Path::toString).collect(Collectors.joining(":"));
    }

    @Override
    public @Nullable JsonNode run(PluginCall call) throws CniException {
        long deadline = System.nanoTime() + call.timeout().toNanos();
        Process process = start(call);
        try {
            Output stdout = Output.of(process.getInputStream(), Json.MAX_BYTES);
            Output stderr = Output.of(process.getErrorStream(), STDERR_KEPT);
            Thread.ofVirtual().start(() -> write(process, Json.bytes(call.config())));
            if (!process.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                throw failed(
                        call,
                        Kind.UNAVAILABLE,
                        0,
                        "did not end within " + call.timeout().toMillis() + " ms",
                        stderr);
            }
            stdout.await(DRAIN);
            stderr.await(DRAIN);
            return answer(call, process.exitValue(), stdout, stderr);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CniException.ofPlugin(Kind.UNAVAILABLE, call.type(), 0, describe(call) + " was interrupted");
        } finally {
            if (process.isAlive()) {
                killTree(process.toHandle());
            }
        }
    }

    private Process start(PluginCall call) throws CniException {
        ProcessBuilder builder = new ProcessBuilder(binary.toString());
        Map<String, String> env = builder.environment();
        env.keySet().removeIf(name -> name.startsWith("CNI_"));
        // Neither the readiness socket of the daemon nor its allocator setting is meant for a plugin.
        env.remove("NOTIFY_SOCKET");
        env.remove("MALLOC_ARENA_MAX");
        env.putIfAbsent("PATH", DEFAULT_PATH);
        env.put("CNI_COMMAND", call.verb().name());
        env.put("CNI_PATH", cniPath);
        put(env, "CNI_CONTAINERID", call.containerId());
        put(env, "CNI_NETNS", call.netns() == null ? null : call.netns().toString());
        put(env, "CNI_IFNAME", call.ifName());
        if (!call.args().isEmpty()) {
            env.put("CNI_ARGS", call.args());
        }
        try {
            return builder.start();
        } catch (IOException e) {
            throw CniException.ofPlugin(
                    Kind.INTERNAL, call.type(), 0, describe(call) + ": cannot run " + binary + ": " + e.getMessage());
        }
    }

    private static void put(Map<String, String> env, String name, @Nullable String value) {
        if (value != null) {
            env.put(name, value);
        }
    }

    private static void write(Process process, byte[] config) {
        try (OutputStream stdin = process.getOutputStream()) {
            stdin.write(config);
        } catch (IOException e) {
            // A plugin need not read its configuration to the end; what it makes of that shows in its exit code.
            Objects.requireNonNull(e);
        }
    }

    private static @Nullable JsonNode answer(PluginCall call, int exit, Output stdout, Output stderr)
            throws CniException {
        byte[] bytes = stdout.bytes();
        if (stdout.overflowed()) {
            throw failed(call, Kind.INTERNAL, 0, "its output exceeds " + Json.MAX_BYTES + " bytes", stderr);
        }
        if (exit != 0) {
            throw error(call, exit, bytes, stderr);
        }
        if (call.verb() != PluginCall.Verb.ADD) {
            return null;
        }
        try {
            return Json.parseObject(bytes);
        } catch (IOException e) {
            throw failed(call, Kind.INTERNAL, 0, "its result is not a JSON object: " + excerpt(bytes), stderr);
        }
    }

    private static CniException error(PluginCall call, int exit, byte[] bytes, Output stderr) {
        ObjectNode error;
        try {
            error = Json.parseObject(bytes);
        } catch (IOException e) {
            String said = excerpt(bytes);
            return failed(
                    call,
                    Kind.PLUGIN_FAILED,
                    0,
                    "exit code " + exit + (said.isEmpty() ? "" : ", output: " + said),
                    stderr);
        }
        int code = error.path("code").asInt();
        String details = Json.text(error, "details");
        String message = Json.text(error, "msg") + (details.isEmpty() ? "" : "; " + details) + " (code " + code + ")";
        return switch (code) {
            case CODE_TRY_LATER, CODE_NOT_AVAILABLE, CODE_NOT_AVAILABLE_LIMITED ->
                failed(call, Kind.UNAVAILABLE, code, message, null);
            default -> failed(call, Kind.PLUGIN_FAILED, code, message, null);
        };
    }

    private static CniException failed(PluginCall call, Kind kind, int code, String why, @Nullable Output stderr) {
        String said = stderr == null ? "" : excerpt(stderr.bytes());
        return CniException.ofPlugin(
                kind, call.type(), code, describe(call) + ": " + why + (said.isEmpty() ? "" : ", stderr: " + said));
    }

    private static String describe(PluginCall call) {
        String whom = call.containerId() == null ? "" : " for " + call.containerId() + " " + call.ifName();
        return "plugin " + call.type() + " " + call.verb() + " of network " + Json.text(call.config(), "name") + whom;
    }

    private static String excerpt(byte[] bytes) {
        String text = new String(bytes, 0, Math.min(bytes.length, STDERR_KEPT), StandardCharsets.UTF_8);
        return text.strip().replaceAll("\\s+", " ");
    }

    /** Kills a process and all that descend from it; twice, since one may fork between the look and the blow. */
    private static void killTree(ProcessHandle root) {
        for (int round = 0; round < 2; round++) {
            List<ProcessHandle> tree = root.descendants().toList();
            root.destroyForcibly();
            tree.forEach(ProcessHandle::destroyForcibly);
        }
    }

    /** Collects a stream on a thread of its own up to a limit; the rest is read and dropped, so that the writer is never blocked. */
    private static final class Output {
        private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
        private final int limit;
        private boolean overflowed;
        private final Thread reader;

        private Output(InputStream stream, int limit) {
            this.limit = limit;
            this.reader = Thread.ofVirtual().unstarted(() -> drain(stream));
        }

        static Output of(InputStream stream, int limit) {
            Output output = new Output(stream, limit);
            output.reader.start();
            return output;
        }

        private void drain(InputStream stream) {
            byte[] buffer = new byte[8192];
            try (stream) {
                for (int n = stream.read(buffer); n >= 0; n = stream.read(buffer)) {
                    keep(buffer, n);
                }
            } catch (IOException e) {
                // The pipe breaks when the process is killed; what came before counts.
                Objects.requireNonNull(e);
            }
        }

        private synchronized void keep(byte[] buffer, int n) {
            int room = Math.min(n, limit - kept.size());
            kept.write(buffer, 0, room);
            overflowed |= room < n;
        }

        void await(Duration patience) throws InterruptedException {
            reader.join(patience);
        }

        synchronized byte[] bytes() {
            return kept.toByteArray();
        }

        synchronized boolean overflowed() {
            return overflowed;
        }
    }
}
