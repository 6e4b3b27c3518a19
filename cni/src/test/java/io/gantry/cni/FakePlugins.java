package io.gantry.cni;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A folder tree with networks and plugins that are shell scripts. Each call leaves {@code calls/NNN-type-VERB.env} and {@code .json}; what it
 * answers is in {@code type.VERB.out}, its exit code in {@code type.VERB.exit}.
 */
final class FakePlugins {
    final Path confDir;
    final Path cacheDir;
    private final Path top;
    private final Path binDir;

    FakePlugins(Path top) throws IOException {
        this.top = top;
        this.confDir = Files.createDirectories(top.resolve("net.d"));
        this.binDir = Files.createDirectories(top.resolve("bin"));
        this.cacheDir = top.resolve("cache");
        Files.createDirectories(top.resolve("calls"));
    }

    CniConfig config() {
        return config(Duration.ofSeconds(30));
    }

    CniConfig config(Duration timeout) {
        return new CniConfig(List.of(confDir), List.of(top.resolve("absent"), binDir), cacheDir, timeout);
    }

    void network(String file, String json) throws IOException {
        Files.writeString(confDir.resolve(file), json);
    }

    /** A conflist named {@code test} with plugins of these types, which are made too. */
    void chain(String version, String... types) throws IOException {
        List<String> plugins = new ArrayList<>();
        for (String type : types) {
            plugin(type);
            plugins.add(
                    "{\"type\":\"" + type + "\",\"own\":\"" + type + "\",\"capabilities\":{\"portMappings\":true}}");
        }
        network(
                "10-test.conflist",
                "{\"cniVersion\":\"" + version + "\",\"name\":\"test\",\"plugins\":[" + String.join(",", plugins)
                        + "]}");
    }

    void plugin(String type) throws IOException {
        Path file = binDir.resolve(type);
        Files.writeString(file, """
                #!/bin/sh
                top=%s
                type=${0##*/}
                n=$(ls "$top/calls" | wc -l)
                call=$top/calls/$(printf %%03d "$n")-$type-$CNI_COMMAND
                env >"$call.env"
                cat >"$call.json"
                answer=$top/$type.$CNI_COMMAND
                if [ -f "$answer.sh" ]; then . "$answer.sh"; fi
                cat "$answer.out" 2>/dev/null
                exit "$(cat "$answer.exit" 2>/dev/null || echo 0)"
                """.formatted(top));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    /** What a plugin prints for a verb, and its exit code. */
    void answer(String type, String verb, int exit, String output) throws IOException {
        Files.writeString(top.resolve(type + "." + verb + ".out"), output);
        Files.writeString(top.resolve(type + "." + verb + ".exit"), Integer.toString(exit));
    }

    /** Shell code that a plugin runs for a verb before it answers. */
    void behaviour(String type, String verb, String shell) throws IOException {
        Files.writeString(top.resolve(type + "." + verb + ".sh"), shell);
    }

    /** The calls so far in order, as {@code type VERB}. */
    List<String> calls() throws IOException {
        return recorded(".env").stream()
                .map(file -> file.getFileName()
                        .toString()
                        .replaceFirst("^[0-9]+-", "")
                        .replace(".env", ""))
                .map(name -> name.replace('-', ' '))
                .toList();
    }

    /** What the n-th call got on standard input. */
    ObjectNode input(int n) throws IOException {
        return Json.parseObject(Files.readAllBytes(recorded(".json").get(n)));
    }

    /** The environment of the n-th call. */
    Map<String, String> environment(int n) throws IOException {
        Map<String, String> environment = new LinkedHashMap<>();
        for (String line : Files.readAllLines(recorded(".env").get(n))) {
            int equals = line.indexOf('=');
            environment.put(line.substring(0, Math.max(equals, 0)), line.substring(equals + 1));
        }
        return environment;
    }

    /** Names of the files that stand for attachments. */
    List<String> records() throws IOException {
        Path results = cacheDir.resolve("results");
        if (!Files.exists(results)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(results)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private List<Path> recorded(String suffix) throws IOException {
        try (Stream<Path> files = Files.list(top.resolve("calls"))) {
            return files.filter(file -> file.toString().endsWith(suffix))
                    .sorted()
                    .toList();
        }
    }
}
