package io.gantry.image.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.image.Digest;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PlatformChoiceTest {
    private static final Set<String> V3 = Set.of(
            "cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma",
            "abm", "movbe", "xsave");

    private static Descriptor manifest(String platform) {
        String[] parts = platform.split("/", -1);
        return new Descriptor(
                "type",
                Digest.sha256(platform.getBytes(StandardCharsets.UTF_8)),
                1,
                platform.isEmpty()
                        ? Optional.empty()
                        : Optional.of(Platform.of(parts[0], parts[1], parts.length > 2 ? parts[2] : "")));
    }

    private static String chosen(PlatformChoice choice, String... platforms) {
        List<Descriptor> manifests =
                Arrays.stream(platforms).map(PlatformChoiceTest::manifest).toList();
        return choice.choose(manifests)
                .map(descriptor -> platforms[manifests.indexOf(descriptor)])
                .orElse("none");
    }

    @Test
    void takesTheBestVariantThatTheMachineHas() {
        PlatformChoice plain = PlatformChoice.of("amd64", Set.of());
        PlatformChoice v3 = PlatformChoice.of("amd64", V3);
        String[] all = {"linux/386", "linux/amd64/v2", "linux/amd64", "linux/amd64/v4", "linux/amd64/v3", "linux/arm64"
        };

        assertThat(chosen(plain, all)).isEqualTo("linux/amd64");
        assertThat(chosen(v3, all)).isEqualTo("linux/amd64/v3");
        assertThat(chosen(v3, "linux/386", "linux/amd64/v4")).isEqualTo("linux/386");
        assertThat(chosen(v3, "windows/amd64", "unknown/unknown", "linux/s390x"))
                .isEqualTo("none");
        assertThat(chosen(v3, "", "linux/386")).isEqualTo("linux/386");
        assertThat(chosen(v3, "", "linux/arm64")).isEmpty();
    }

    @Test
    void armFallsBackThroughItsVariants() {
        PlatformChoice arm64 = PlatformChoice.of("aarch64", Set.of());
        assertThat(chosen(arm64, "linux/arm/v6", "linux/arm64/v8", "linux/arm/v7"))
                .isEqualTo("linux/arm64/v8");
        assertThat(chosen(arm64, "linux/arm/v6", "linux/amd64", "linux/arm")).isEqualTo("linux/arm");
        assertThat(chosen(PlatformChoice.of("arm", Set.of()), "linux/arm64", "linux/arm/v6"))
                .isEqualTo("linux/arm/v6");
    }

    @Test
    void imageThatNamesNothingIsTakenAtItsWord() {
        PlatformChoice choice = PlatformChoice.of("amd64", Set.of());

        assertThat(choice.runs(Platform.of("", "", ""))).isTrue();
        assertThat(choice.runs(Platform.of("linux", "x86_64", "v1"))).isTrue();
        assertThat(choice.runs(Platform.of("linux", "arm64", ""))).isFalse();
    }
}
