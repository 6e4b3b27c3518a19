package io.gantry.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("privileged")
class ProcessesTest {
    private static final Duration LONG = Duration.ofMinutes(1);

    @TempDir
    Path folder;

    private static Spawn.Result shell(String script, Duration timeout) throws Exception {
        return Spawn.run(List.of("/bin/sh", "-c", script), List.of("PATH=/usr/bin:/bin", "X=y z"), timeout);
    }

    @Test
    void spawnGivesExitCodeAndStderr() throws Exception {
        assertThat(shell("echo \"$X\" >&2; exit 3", LONG)).isEqualTo(new Spawn.Result(3, "y z\n", false));
        assertThat(shell("kill -9 $$", LONG)).isEqualTo(new Spawn.Result(137, "", false));
    }

    @Test
    void aSpawnedProgramInheritsNothing() throws Exception {
        // A descriptor of java.nio, which is not close-on-exec.
        try (var channel = Files.newByteChannel(Path.of("/dev/zero"))) {
            assertThat(channel.isOpen()).isTrue();
            // 3 is the folder that ls itself reads.
            assertThat(shell("ls /proc/self/fd | tr '\\n' ' ' >&2", LONG).stderr())
                    .isEqualTo("0 1 2 3 ");
        }
    }

    @Test
    void aSpawnedProgramHasEverySignalAsUsual() throws Exception {
        // The JVM blocks SIGQUIT in its threads, and systemd starts services with SIGPIPE ignored.
        assertThat(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status >&2", LONG).stderr())
                .isEqualTo("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    }

    @Test
    void aSpawnedProgramThatHangsIsKilled() throws Exception {
        Spawn.Result result = shell("echo waiting >&2; exec sleep 1000", Duration.ofMillis(300));
        assertThat(result).isEqualTo(new Spawn.Result(137, "waiting\n", true));
    }

    @Test
    void aProgramThatIsNotThere() {
        assertThatThrownBy(() -> Spawn.run(List.of("/nowhere/x"), List.of(), LONG))
                .hasMessage("posix_spawn /nowhere/x: No such file or directory (ENOENT)");
    }

    @Test
    void pidfdSignalsAndWaits() throws Exception {
        Process process = new ProcessBuilder("sleep", "1000").start();
        ProcessId id = ProcessId.of(process.pid()).orElseThrow();
        try (Pidfd pidfd = Pidfd.open(process.pid())) {
            assertThat(id.isAlive()).isTrue();
            assertThat(new ProcessId(id.pid(), id.startTime() + 1).isAlive()).isFalse();
            assertThat(pidfd.hasExited()).isFalse();
            assertThat(pidfd.awaitExit(Duration.ofMillis(10))).isFalse();
            pidfd.sendSignal(15);
            assertThat(pidfd.awaitExit(LONG)).isTrue();
        } finally {
            process.destroyForcibly().waitFor();
        }
        assertThat(id.isAlive()).isFalse();
        assertThatThrownBy(() -> Pidfd.open(process.pid())).hasMessageContaining("ESRCH");
    }

    @Test
    void aProcessNameMayHoldParentheses() {
        String rest = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        assertThat(ProcessId.parse(7, "7 (a) b) R (x)" + rest)).contains(new ProcessId(7, 4711));
        assertThat(ProcessId.parse(7, "7 (a)" + rest.replace(" S ", " Z "))).isEmpty();
    }

    @Test
    void netnsCallRunsInTheNamespaceAndNowhereElse() throws Exception {
        Process process = new ProcessBuilder("unshare", "-n", "sleep", "1000").start();
        try {
            Path netns = Path.of("/proc/" + process.pid() + "/ns/net");
            Path own = Files.readSymbolicLink(Path.of("/proc/self/ns/net"));
            while (Files.readSymbolicLink(netns).equals(own)) {
                Thread.onSpinWait();
            }
            assertThat(Netns.exists(netns)).isTrue();
            assertThat(Netns.call(netns, () -> Files.readSymbolicLink(Path.of("/proc/thread-self/ns/net"))))
                    .isEqualTo(Files.readSymbolicLink(netns));
            assertThatThrownBy(() -> Netns.call(netns, () -> {
                        throw new java.io.IOException("mine");
                    }))
                    .isInstanceOf(java.io.IOException.class)
                    .hasMessage("mine");
            assertThat(Files.readSymbolicLink(Path.of("/proc/self/ns/net"))).isEqualTo(own);
        } finally {
            process.destroyForcibly().waitFor();
        }
        Path empty = Files.createFile(folder.resolve("netns"));
        assertThat(Netns.exists(empty)).isFalse();
        assertThat(Netns.exists(folder.resolve("missing"))).isFalse();
        assertThatThrownBy(() -> Netns.call(empty, () -> 1)).hasMessageContaining("setns " + empty);
    }

    @Test
    void probesAnswer() throws Exception {
        assertThat(KernelProbes.openat2()).isTrue();
        assertThat(KernelProbes.cloneIntoCgroup()).isTrue();
        assertThat(KernelProbes.mountSetattr()).isTrue();
        assertThat(KernelProbes.overlay()).isTrue();
        // These two depend on the kernel; the probe itself must not fail.
        assertThat(KernelProbes.overlayLowerdirOneByOne()).isIn(true, false);
        assertThat(KernelProbes.fchmodat2()).isIn(true, false);
    }

    @Test
    void everyErrorNumberHasNameAndText() {
        for (int number = 1; number < 133; number++) {
            if (number != 41 && number != 58) {
                assertThat(Errno.name(number)).as("%d", number).startsWith("E");
                assertThat(Errno.text(number)).isNotBlank();
            }
        }
        assertThat(Errno.name(9999)).isEqualTo("errno 9999");
    }
}
