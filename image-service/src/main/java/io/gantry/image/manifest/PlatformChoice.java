package io.gantry.image.manifest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What this machine can run, the best first. Immutable. */
public final class PlatformChoice {
    // The CPU features behind the levels of the x86-64 psABI, as /proc/cpuinfo names them.
    private static final Set<String> X86_V2 = Set.of("cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3");
    private static final Set<String> X86_V3 =
            Set.of("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave");
    private static final Set<String> X86_V4 = Set.of("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl");

    private final List<Platform> preferred;

    private PlatformChoice(List<Platform> preferred) {
        this.preferred = List.copyOf(preferred);
    }

    /** The choice of this machine. */
    public static PlatformChoice ofThisMachine() {
        return of(System.getProperty("os.arch"), cpuFlags());
    }

    /**
     * The choice of a machine.
     *
     * @param architecture in any spelling
     * @param cpuFlags the flags of an x86 CPU in Linux' names; empty elsewhere
     */
    static PlatformChoice of(String architecture, Set<String> cpuFlags) {
        Platform host = Platform.of("linux", architecture, "");
        List<Platform> preferred = new ArrayList<>();
        switch (host.architecture()) {
            case "amd64" -> {
                if (cpuFlags.containsAll(X86_V2)) {
                    if (cpuFlags.containsAll(X86_V3)) {
                        if (cpuFlags.containsAll(X86_V4)) {
                            preferred.add(new Platform("linux", "amd64", "v4"));
                        }
                        preferred.add(new Platform("linux", "amd64", "v3"));
                    }
                    preferred.add(new Platform("linux", "amd64", "v2"));
                }
                preferred.add(host);
                preferred.add(new Platform("linux", "386", ""));
            }
            case "arm64" -> {
                preferred.add(host);
                preferred.addAll(arm32());
            }
            case "arm" -> preferred.addAll(arm32());
            default -> preferred.add(host);
        }
        return new PlatformChoice(preferred);
    }

    private static List<Platform> arm32() {
        return List.of(
                new Platform("linux", "arm", "v8"),
                new Platform("linux", "arm", "v7"),
                new Platform("linux", "arm", "v6"),
                new Platform("linux", "arm", "v5"));
    }

    /** The manifest to take from an index: the best platform, the first of several; those that name no platform come last. */
    public Optional<Descriptor> choose(List<Descriptor> manifests) {
        return manifests.stream()
                .filter(manifest -> rank(manifest) <= preferred.size())
                .min(Comparator.comparingInt(this::rank));
    }

    /** Whether an image of this platform runs here. An image that names no architecture is taken at its word. */
    public boolean runs(Platform platform) {
        boolean unnamed = platform.os().isEmpty() && platform.architecture().isEmpty();
        return unnamed || preferred.contains(platform);
    }

    private int rank(Descriptor manifest) {
        if (manifest.platform().isEmpty()) {
            return preferred.size();
        }
        int rank = preferred.indexOf(manifest.platform().get());
        return rank < 0 ? Integer.MAX_VALUE : rank;
    }

    private static Set<String> cpuFlags() {
        try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("flags"))
                    .findFirst()
                    .map(line -> Set.copyOf(List.of(
                            line.substring(line.indexOf(':') + 1).strip().split(" +", -1))))
                    .orElse(Set.of());
        } catch (IOException e) {
            // Without the flags the plain architecture is chosen, which runs everywhere.
            return Set.of();
        }
    }

    @Override
    public String toString() {
        return preferred.getFirst().toString();
    }
}
