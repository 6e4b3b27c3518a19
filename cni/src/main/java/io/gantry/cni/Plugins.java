package io.gantry.cni;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The plugins at hand, by type: those built in first, then binaries, looked for at each use so that one installed late is found. */
public final class Plugins {
    private static final Pattern TYPE = Pattern.compile("[a-zA-Z0-9_][a-zA-Z0-9_.\\-]*");

    private final Map<String, Plugin> builtIn;
    private final List<Path> binDirs;

    /**
     * @param builtIn plugins that stand in for the binaries of these types
     * @param binDirs folders of binaries, in order
     */
    public Plugins(Map<String, Plugin> builtIn, List<Path> binDirs) {
        this.builtIn = Map.copyOf(builtIn);
        this.binDirs = List.copyOf(binDirs);
    }

    /**
     * The plugin of a type.
     *
     * @throws CniException NOT_FOUND if there is none, INVALID if this cannot be a type's name
     */
    public Plugin find(String type) throws CniException {
        Plugin plugin = builtIn.get(type);
        if (plugin != null) {
            return plugin;
        }
        Path binary = binary(type);
        if (binary == null) {
            throw CniException.ofPlugin(
                    CniException.Kind.NOT_FOUND,
                    type,
                    0,
                    "plugin " + type + " not found in "
                            + binDirs.stream().map(Path::toString).collect(Collectors.joining(", ")));
        }
        return new ExecPlugin(binary, binDirs);
    }

    private @Nullable Path binary(String type) throws CniException {
        if (!TYPE.matcher(type).matches()) {
            throw new CniException(CniException.Kind.INVALID, "\"" + type + "\" cannot be a plugin's type");
        }
        for (Path dir : binDirs) {
            Path file = dir.resolve(type);
            if (Files.isRegularFile(file) && Files.isExecutable(file)) {
                return file;
            }
        }
        return null;
    }
}
