package io.gantry.daemon;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.dataformat.toml.TomlFactory;
import io.gantry.json.JsonNodes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads config.toml. Every key has a default; a key that is not known is an error, since a misspelt one would otherwise be silently
 * without effect. Overrides (the command line's flags) win over the file.
 */
final class ConfigFile {
    private static final Pattern DURATION = Pattern.compile("(\\d+)(ms|s|m|h)");
    private static final Pattern SIZE = Pattern.compile("(\\d+)(|Ki|Mi|Gi)");

    private final String source;
    private final JsonNode tree;
    private final Map<String, String> overrides;
    private final Set<String> known = new HashSet<>();

    private ConfigFile(String source, JsonNode tree, Map<String, String> overrides) {
        this.source = source;
        this.tree = tree;
        this.overrides = overrides;
    }

    /**
     * Reads {@code file}, or takes the defaults if it is null.
     *
     * @param overrides key (as {@code image.certs_dir}) to value
     * @throws ConfigException if the file cannot be read or parsed, or a key is unknown or has a bad value
     */
    static DaemonConfig read(@Nullable Path file, Map<String, String> overrides) throws ConfigException {
        JsonNode tree = JsonNodeFactory.instance.objectNode();
        String source = "the command line";
        if (file != null) {
            source = file.toString();
            try {
                tree = JsonNodes.read(new TomlFactory().createParser(Files.readString(file)));
            } catch (JsonProcessingException e) {
                throw new ConfigException(source + " is not valid TOML: " + e.getOriginalMessage() + " (line "
                        + (e.getLocation() == null ? "?" : e.getLocation().getLineNr()) + ")");
            } catch (IOException e) {
                throw new ConfigException("cannot read " + source + ": " + e);
            }
        }
        ConfigFile reader = new ConfigFile(source, tree, new HashMap<>(overrides));
        DaemonConfig config = reader.config();
        reader.refuseUnknown("", tree);
        for (String key : overrides.keySet()) {
            if (!reader.known.contains(key)) {
                throw new ConfigException("unknown setting " + key + " on the command line");
            }
        }
        return config;
    }

    private DaemonConfig config() throws ConfigException {
        Path root = path("root", "/var/lib/gantry");
        Path run = path("run", "/run/gantry");
        return new DaemonConfig(
                root,
                run,
                path("socket", run.resolve("gantry.sock").toString()),
                string("socket_group", ""),
                path("shim", Distribution.shim().toString()),
                oneOf("log_level", "info", "error", "warn", "info", "debug"),
                new DaemonConfig.Cgroup(oneOf("cgroup.driver", "auto", "auto", "systemd", "cgroupfs")),
                new DaemonConfig.Image(
                        path("image.certs_dir", "/etc/gantry/certs.d"),
                        string("image.auth_file", ""),
                        string("image.embedded_dir", ""),
                        (int) number("image.parallel_layers", 4, 1, 64),
                        duration("image.stall_timeout", "30s"),
                        bool("image.keep_blobs", false),
                        strings("image.pinned", List.of())),
                new DaemonConfig.Cni(
                        path("cni.conf_dir", "/etc/cni/net.d"),
                        paths("cni.bin_dirs", List.of("/opt/cni/bin", "/usr/lib/cni")),
                        duration("cni.timeout", "60s")),
                new DaemonConfig.Pods(
                        path("runtime.seccomp_profile_root", "/var/lib/kubelet/seccomp"),
                        string("runtime.handler", "gantry"),
                        size("runtime.pod_shm_size", "64Mi")),
                new DaemonConfig.Cdi(paths("cdi.spec_dirs", List.of("/etc/cdi", "/var/run/cdi"))),
                streaming());
    }

    private DaemonConfig.Streaming streaming() throws ConfigException {
        DaemonConfig.Streaming streaming = new DaemonConfig.Streaming(
                string("streaming.address", "127.0.0.1"),
                (int) number("streaming.port", 0, 0, 65535),
                bool("streaming.enable_tls", false),
                string("streaming.tls_cert", ""),
                string("streaming.tls_key", ""));
        if (streaming.tlsCert().isEmpty() != streaming.tlsKey().isEmpty()) {
            throw new ConfigException(source + ": streaming.tls_cert and streaming.tls_key go together");
        }
        return streaming;
    }

    private void refuseUnknown(String prefix, JsonNode node) throws ConfigException {
        for (Map.Entry<String, JsonNode> entry : node.properties()) {
            String key = prefix + entry.getKey();
            if (entry.getValue().isObject()) {
                refuseUnknown(key + ".", entry.getValue());
            } else if (!known.contains(key)) {
                throw new ConfigException(source + ": unknown key " + key + " (gantry config default lists all)");
            }
        }
    }

    private @Nullable JsonNode node(String key) {
        known.add(key);
        JsonNode node = tree;
        for (String part : key.split("\\.", -1)) {
            node = node.path(part);
        }
        return node.isMissingNode() ? null : node;
    }

    private ConfigException bad(String key, Object value, String wanted) {
        String where = overrides.containsKey(key) ? "the command line" : source;
        return new ConfigException(where + ": " + key + " = " + value + " is not " + wanted);
    }

    private String string(String key, String fallback) throws ConfigException {
        JsonNode node = node(key);
        String override = overrides.get(key);
        if (override != null) {
            return override;
        }
        if (node == null) {
            return fallback;
        }
        if (!node.isTextual()) {
            throw bad(key, node, "a string");
        }
        return node.textValue();
    }

    private Path path(String key, String fallback) throws ConfigException {
        String value = string(key, fallback);
        if (!value.startsWith("/")) {
            throw bad(key, value, "an absolute path");
        }
        return Path.of(value);
    }

    private List<Path> paths(String key, List<String> fallback) throws ConfigException {
        List<String> values = strings(key, fallback);
        for (String value : values) {
            if (!value.startsWith("/")) {
                throw bad(key, value, "made of absolute paths");
            }
        }
        return values.stream().map(Path::of).toList();
    }

    private String oneOf(String key, String fallback, String... allowed) throws ConfigException {
        String value = string(key, fallback);
        if (!List.of(allowed).contains(value)) {
            throw bad(key, value, "one of " + String.join(", ", allowed));
        }
        return value;
    }

    private Duration duration(String key, String fallback) throws ConfigException {
        String value = string(key, fallback);
        Matcher match = DURATION.matcher(value);
        if (!match.matches()) {
            throw bad(key, value, "a duration such as 500ms, 30s, 5m or 1h");
        }
        long amount = Long.parseLong(match.group(1));
        return switch (match.group(2)) {
            case "ms" -> Duration.ofMillis(amount);
            case "s" -> Duration.ofSeconds(amount);
            case "m" -> Duration.ofMinutes(amount);
            default -> Duration.ofHours(amount);
        };
    }

    private long size(String key, String fallback) throws ConfigException {
        String value = string(key, fallback);
        Matcher match = SIZE.matcher(value);
        if (!match.matches()) {
            throw bad(key, value, "a size in bytes such as 65536, 64Mi or 1Gi");
        }
        long amount = Long.parseLong(match.group(1));
        return switch (match.group(2)) {
            case "Ki" -> amount << 10;
            case "Mi" -> amount << 20;
            case "Gi" -> amount << 30;
            default -> amount;
        };
    }

    private long number(String key, long fallback, long min, long max) throws ConfigException {
        JsonNode node = node(key);
        String override = overrides.get(key);
        if (override == null && node == null) {
            return fallback;
        }
        long value;
        try {
            value = override != null
                    ? Long.parseLong(override)
                    : node != null && node.isIntegralNumber() ? node.longValue() : Long.MIN_VALUE;
        } catch (NumberFormatException e) {
            value = Long.MIN_VALUE;
        }
        if (value < min || value > max) {
            throw bad(
                    key,
                    String.valueOf(override != null ? override : node),
                    "a whole number from " + min + " to " + max);
        }
        return value;
    }

    private boolean bool(String key, boolean fallback) throws ConfigException {
        JsonNode node = node(key);
        String override = overrides.get(key);
        if (override != null) {
            return switch (override) {
                case "true" -> true;
                case "false" -> false;
                default -> throw bad(key, override, "true or false");
            };
        }
        if (node == null) {
            return fallback;
        }
        if (!node.isBoolean()) {
            throw bad(key, node, "true or false");
        }
        return node.booleanValue();
    }

    private List<String> strings(String key, List<String> fallback) throws ConfigException {
        JsonNode node = node(key);
        String override = overrides.get(key);
        if (override != null) {
            return List.of(override.split(",", -1));
        }
        if (node == null) {
            return fallback;
        }
        if (!node.isArray()) {
            throw bad(key, node, "an array of strings");
        }
        List<String> values = new ArrayList<>();
        for (JsonNode element : node) {
            if (!element.isTextual()) {
                throw bad(key, node, "an array of strings");
            }
            values.add(element.textValue());
        }
        return List.copyOf(values);
    }
}
