package io.gantry.runtime;

import com.google.protobuf.ByteString;
import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.KeyValue;
import io.gantry.image.ImageConfigFile;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a container runs, and in which environment: the image's defaults under the pod's wishes. */
final class CommandLine {
    private static final String DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private CommandLine() {}

    /**
     * ENTRYPOINT and CMD against command and args, as Kubernetes documents it ("Define a Command and Arguments for a Container"): a command
     * replaces the entrypoint and makes the image's CMD void; args replace CMD only.
     */
    static List<String> arguments(ContainerConfig config, ImageConfigFile image) throws CriException {
        List<String> arguments = new ArrayList<>();
        if (config.getCommandCount() > 0) {
            arguments.addAll(config.getCommandList());
            arguments.addAll(config.getArgsList());
        } else {
            arguments.addAll(image.entrypoint());
            arguments.addAll(config.getArgsCount() > 0 ? config.getArgsList() : image.command());
        }
        if (arguments.isEmpty()) {
            throw CriException.invalid(
                    "container " + config.getMetadata().getName() + ": no command is given, and image "
                            + config.getImage().getImage() + " has neither ENTRYPOINT nor CMD");
        }
        for (String argument : arguments) {
            if (argument.indexOf('\0') >= 0) {
                throw CriException.invalid(
                        "container " + config.getMetadata().getName() + ": an argument has a NUL in it");
            }
        }
        return List.copyOf(arguments);
    }

    /**
     * {@code NAME=value} each, as bytes: values need not be UTF-8. Later ones win over earlier ones of the same name.
     *
     * @param last {@code NAME=value} each, which win over all others
     */
    static List<ByteString> environment(
            ContainerConfig config, ImageConfigFile image, String hostname, String home, List<String> last)
            throws CriException {
        Map<String, ByteString> environment = new LinkedHashMap<>();
        environment.put("PATH", ByteString.copyFromUtf8(DEFAULT_PATH));
        environment.put("HOSTNAME", ByteString.copyFromUtf8(hostname));
        if (config.getTty()) {
            environment.put("TERM", ByteString.copyFromUtf8("xterm"));
        }
        for (String pair : image.environment()) {
            int equals = pair.indexOf('=');
            if (equals > 0) {
                environment.put(pair.substring(0, equals), ByteString.copyFromUtf8(pair.substring(equals + 1)));
            }
        }
        for (KeyValue pair : config.getEnvsList()) {
            if (pair.getKey().isEmpty()
                    || pair.getKey().indexOf('=') >= 0
                    || pair.getKey().indexOf('\0') >= 0
                    || hasNul(pair.getValue())) {
                throw CriException.invalid("container " + config.getMetadata().getName() + ": environment variable \""
                        + pair.getKey().replace('\0', '?') + "\" has an unusable name, or a NUL in its value");
            }
            environment.put(pair.getKey(), pair.getValue());
        }
        for (String pair : last) {
            int equals = pair.indexOf('=');
            environment.put(pair.substring(0, equals), ByteString.copyFromUtf8(pair.substring(equals + 1)));
        }
        environment.putIfAbsent("HOME", ByteString.copyFromUtf8(home.isEmpty() ? "/" : home));
        List<ByteString> pairs = new ArrayList<>(environment.size());
        environment.forEach(
                (name, value) -> pairs.add(ByteString.copyFromUtf8(name + "=").concat(value)));
        return List.copyOf(pairs);
    }

    /** The folder that the process starts in, always absolute. */
    static String workingDirectory(ContainerConfig config, ImageConfigFile image) {
        String folder = config.getWorkingDir().isEmpty() ? image.workingDirectory() : config.getWorkingDir();
        if (folder.isEmpty()) {
            return "/";
        }
        return folder.startsWith("/") ? folder : "/" + folder;
    }

    private static boolean hasNul(ByteString value) {
        for (int i = 0; i < value.size(); i++) {
            if (value.byteAt(i) == 0) {
                return true;
            }
        }
        return false;
    }
}
