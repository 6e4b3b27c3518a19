package io.gantry.daemon;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The command line: {@code gantry serve | check | reset | rehearse | version | config default}. Exit codes: 0 well, 1 failed, 2 wrong usage. */
public final class Main {
    private static final Path DEFAULT_CONFIG = Path.of("/etc/gantry/config.toml");
    private static final String USAGE = """
            usage: gantry serve [--config FILE] [flags]   serve the CRI
                   gantry check [--config FILE] [flags]   tell what this machine lacks
                   gantry reset [--config FILE] [flags]   end and remove all pods; no daemon may be running
                   gantry rehearse [--config FILE] [flags]
                                                         serve oneself for the training of an AOT cache
                   gantry config default                  print the configuration with its defaults
                   gantry version
            flags: --root DIR  --run DIR  --socket PATH  --certs-dir DIR  --cni-conf-dir DIR  --cni-bin-dirs DIR,DIR
                   --embedded-dir DIR  --log-level LEVEL  --set KEY=VALUE (any key of the configuration)
            """;
    private static final Map<String, String> FLAGS = Map.of(
            "--root", "root",
            "--run", "run",
            "--socket", "socket",
            "--certs-dir", "image.certs_dir",
            "--cni-conf-dir", "cni.conf_dir",
            "--cni-bin-dirs", "cni.bin_dirs",
            "--embedded-dir", "image.embedded_dir",
            "--log-level", "log_level");

    private Main() {}

    public static void main(String[] arguments) {
        int code = run(List.of(arguments), System.out, System.err);
        if (code != 0) {
            System.exit(code);
        }
    }

    static int run(List<String> arguments, PrintStream out, PrintStream err) {
        String command = arguments.isEmpty() ? "" : arguments.getFirst();
        List<String> rest = arguments.isEmpty() ? List.of() : arguments.subList(1, arguments.size());
        try {
            switch (command) {
                case "serve" -> Daemon.serve(configuration(rest), Daemon::awaitTermination);
                case "rehearse" -> {
                    DaemonConfig config = configuration(rest);
                    Daemon.serve(config, () -> new Rehearsal(config.socket(), out).run());
                }
                case "reset" -> {
                    return Daemon.reset(configuration(rest), out) ? 0 : 1;
                }
                case "check" -> {
                    return new MachineCheck(configuration(rest)).run(out) ? 0 : 1;
                }
                case "version" -> out.println("gantry " + Distribution.version());
                case "config" -> {
                    if (!rest.equals(List.of("default"))) {
                        throw new UsageException("config takes the one word: default");
                    }
                    out.print(defaultConfig());
                }
                case "help", "--help", "-h" -> out.print(USAGE);
                default -> throw new UsageException(command.isEmpty() ? "no command" : "unknown command " + command);
            }
            return 0;
        } catch (UsageException e) {
            err.println("gantry: " + e.getMessage());
            err.print(USAGE);
            return 2;
        } catch (ConfigException e) {
            err.println("gantry: " + e.getMessage());
            return 1;
        } catch (IOException e) {
            err.println("gantry: cannot " + command + ": " + e);
            return 1;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 1;
        }
    }

    private static DaemonConfig configuration(List<String> flags) throws ConfigException, UsageException {
        Map<String, String> overrides = new LinkedHashMap<>();
        @Nullable Path file = Files.exists(DEFAULT_CONFIG) ? DEFAULT_CONFIG : null;
        List<String> rest = new ArrayList<>(flags);
        while (!rest.isEmpty()) {
            String flag = rest.removeFirst();
            String value;
            int equals = flag.indexOf('=');
            if (equals > 0) {
                value = flag.substring(equals + 1);
                flag = flag.substring(0, equals);
            } else if (rest.isEmpty()) {
                throw new UsageException("flag " + flag + " needs a value");
            } else {
                value = rest.removeFirst();
            }
            String key = FLAGS.get(flag);
            if (flag.equals("--config")) {
                file = Path.of(value);
            } else if (flag.equals("--set")) {
                int split = value.indexOf('=');
                if (split < 1) {
                    throw new UsageException("--set wants KEY=VALUE, not " + value);
                }
                overrides.put(value.substring(0, split), value.substring(split + 1));
            } else if (key != null) {
                overrides.put(key, value);
            } else {
                throw new UsageException("unknown flag " + flag);
            }
        }
        return ConfigFile.read(file, overrides);
    }

    private static String defaultConfig() throws IOException {
        try (var stream = Main.class.getResourceAsStream("config.toml")) {
            if (stream == null) {
                throw new IOException("config.toml is missing from this build");
            }
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static final class UsageException extends Exception {
        UsageException(String message) {
            super(message);
        }
    }
}
