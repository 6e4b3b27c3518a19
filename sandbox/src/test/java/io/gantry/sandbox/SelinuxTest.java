package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SelinuxTest {
    @TempDir
    Path folder;

    private boolean enabled(String label) throws IOException {
        Path own = folder.resolve("current");
        Files.writeString(own, label);
        return new Selinux(folder, own).enabled();
    }

    private void mounted() throws IOException {
        Files.writeString(folder.resolve("enforce"), "0");
    }

    @Test
    void isOnWhereAPolicyIsLoaded() throws IOException {
        mounted();
        assertThat(enabled("system_u:system_r:init_t:s0\0")).isTrue();
        assertThat(enabled("system_u:system_r:kernel_t:s0")).isTrue();
    }

    @Test
    void isOffWithoutAPolicy() throws IOException {
        mounted();
        assertThat(enabled("kernel\0")).isFalse();
        assertThat(enabled("kernel")).isFalse();
    }

    @Test
    void isOffWhereItsFileSystemIsNotMounted() throws IOException {
        // AppArmor's labels are read from the same file.
        assertThat(enabled("unconfined\n")).isFalse();
    }

    @Test
    void isOffWhereTheLabelCannotBeRead() throws IOException {
        mounted();
        assertThat(new Selinux(folder, folder.resolve("missing")).enabled()).isFalse();
    }
}
