package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With a kernel's list and a parser of its own; the real ones are critest's business in the virtual machine. */
class AppArmorTest {
    @TempDir
    Path folder;

    private Path loaded;
    private Path parser;
    private Path scratch;

    @BeforeEach
    void kernel() throws IOException {
        loaded = folder.resolve("profiles");
        parser = folder.resolve("apparmor_parser");
        scratch = folder.resolve("scratch");
        Files.writeString(loaded, "mine (enforce)\nmine (complain) too (enforce)\n/usr/bin/man (enforce)\n");
    }

    private AppArmor apparmor() {
        return new AppArmor(loaded, List.of(folder.resolve("nowhere"), parser), scratch);
    }

    private void parser(String script) throws IOException {
        Files.writeString(parser, "#!/bin/sh\n" + script);
        Files.setPosixFilePermissions(parser, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    @Test
    void aLoadedProfileIsTaken() throws SandboxException {
        assertThat(apparmor().require("mine")).isEqualTo("mine");
        assertThat(apparmor().require("/usr/bin/man")).isEqualTo("/usr/bin/man");
    }

    @Test
    void aProfileThatIsNotLoadedIsNamed() {
        for (String name : List.of("min", "mine (enforce)", "other", "")) {
            assertThatThrownBy(() -> apparmor().require(name))
                    .isInstanceOfSatisfying(
                            SandboxException.class,
                            e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.FAILED_PRECONDITION))
                    .hasMessageContaining("AppArmor profile " + name + " is not loaded");
        }
    }

    @Test
    void withoutAppArmorThereIsNoDefaultAndNoProfile() throws Exception {
        Files.delete(loaded);
        assertThat(apparmor().enabled()).isFalse();
        assertThat(apparmor().runtimeDefault()).isEmpty();
        assertThatThrownBy(() -> apparmor().require("mine")).hasMessageContaining("not enabled");
    }

    @Test
    void withoutAParserThereIsNoDefault() throws SandboxException {
        assertThat(apparmor().runtimeDefault()).isEmpty();
    }

    @Test
    void theDefaultIsLoadedOnce() throws Exception {
        // What is loaded is the name that stands in the text.
        parser("for file; do :; done\nsed -n 's/^profile \\([^ ]*\\) .*/\\1 (enforce)/p' \"$file\" >>" + loaded
                + "\necho x >>" + folder.resolve("runs"));
        AppArmor apparmor = apparmor();
        assertThat(apparmor.runtimeDefault()).contains(AppArmor.DEFAULT);
        assertThat(apparmor.runtimeDefault()).contains(AppArmor.DEFAULT);
        assertThat(Files.readAllLines(folder.resolve("runs"))).hasSize(1);
        assertThat(scratch).doesNotExist();
    }

    @Test
    void whatTheParserSaysIsTold() throws IOException {
        parser("echo 'line 3: syntax error' >&2\nexit 1\n");
        assertThatThrownBy(() -> apparmor().runtimeDefault())
                .hasMessageContaining(parser.toString())
                .hasMessageContaining("code 1")
                .hasMessageContaining("line 3: syntax error");
        assertThat(scratch).doesNotExist();
    }
}
