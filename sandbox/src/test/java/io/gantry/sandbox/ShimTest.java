package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.linux.Netns;
import io.gantry.linux.Pidfd;
import io.gantry.linux.ProcessId;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Pods and containers through the real shim, end to end. */
@Tag("privileged")
@Timeout(120)
class ShimTest {
    private static final String WAIT_FOREVER = "while :; do sleep 1000; done";

    @TempDir
    Path folder;

    private TestPod pod;
    private Shim shim;

    @BeforeEach
    void launch() throws Exception {
        pod = new TestPod(folder);
        shim = pod.shim;
    }

    @AfterEach
    void close() throws Exception {
        pod.remove();
    }

    private ContainerExit run(String id, ProcessSpec process, RootfsOp... more) throws Exception {
        shim.create(pod.container(id, process, pod.cgroup(id, Resources.NONE), ContainerSpec.Stdin.NONE, more));
        shim.start(id);
        return shim.waitFor(id);
    }

    private Cgroup start(String id, String script) throws Exception {
        Cgroup group = pod.cgroup(id, Resources.NONE);
        shim.create(pod.container(id, TestPod.shell(script).build(), group, ContainerSpec.Stdin.NONE));
        shim.start(id);
        return group;
    }

    private String log(String id) throws Exception {
        List<String> lines = new ArrayList<>();
        for (String line : Files.readAllLines(pod.log(id))) {
            assertThat(line).matches("\\S+T\\S+ (stdout|stderr) [FP] .*");
            lines.add(line.substring(line.indexOf(' ') + 1));
        }
        return String.join("\n", lines);
    }

    private ExecSpec exec(
            String container, Cgroup group, String script, @org.jspecify.annotations.Nullable Duration timeout) {
        return new ExecSpec(container, TestPod.shell(script).build(), group.placement(), false, timeout, null);
    }

    /** The unified hierarchy is there on a hybrid machine too. */
    @Test
    void aShimIsBornIntoACgroup() throws Exception {
        Cgroup group = pod.cgroup("shim", Resources.NONE);
        Path born = group.placement().joins().stream()
                .filter(join -> join.version() == 2)
                .findFirst()
                .orElseThrow()
                .path();
        Path run = Files.createDirectories(folder.resolve("run/pod-2"));
        Shim other = TestPod.shims().launch(run, born);
        assertThat(Files.readAllLines(Path.of("/proc/" + other.process().pid() + "/cgroup")))
                .contains("0::/" + group.path());
        try (Shim.Hold hold = other.hold()) {
            assertThat(Files.readString(born.resolve("cgroup.procs")).lines())
                    .containsExactlyInAnyOrder(Long.toString(other.process().pid()), Long.toString(hold.pid()));
        }
        other.shutdown();
        assertThatThrownBy(() -> TestPod.shims().launch(run, folder.resolve("no-group")))
                .isInstanceOf(SandboxException.class)
                .hasMessageContaining("no-group");
        assertThat(run.resolve("shim.sock")).doesNotExist();
    }

    @Test
    void aContainersWholeLife() throws Exception {
        ProcessId init = shim.startPod(pod.spec()).orElseThrow();
        assertThat(init.isAlive()).isTrue();
        assertThat(Netns.exists(pod.run.resolve("netns"))).isTrue();

        Cgroup group = pod.cgroup("c1", Resources.NONE);
        ProcessSpec process = TestPod.shell(
                        "hostname; echo $GREETING; cat /proc/sys/net/ipv4/ip_unprivileged_port_start;"
                                + " echo oops >&2; exit 3")
                .build();
        ProcessId created = shim.create(pod.container("c1", process, group, ContainerSpec.Stdin.NONE));
        assertThat(created.isAlive()).isTrue();
        assertThat(shim.state())
                .singleElement()
                .satisfies(state -> assertThat(state.status()).isEqualTo(ContainerState.Status.CREATED));
        assertThat(CgroupFiles.processes(group.placement().killGroups().getFirst()))
                .containsExactly(created.pid());

        long started = shim.start("c1");
        ContainerExit exit = shim.waitFor("c1");

        assertThat(exit.code()).isEqualTo(3);
        assertThat(exit.signal()).isZero();
        assertThat(exit.oomKilled()).isFalse();
        assertThat(exit.startedNanos()).isEqualTo(started);
        assertThat(exit.finishedNanos()).isGreaterThan(started);
        assertThat(ContainerExit.read(pod.exitFile("c1"))).contains(exit);
        assertThat(log("c1").lines())
                .containsExactlyInAnyOrder("stdout F testhost", "stdout F h\u00e9llo", "stdout F 77", "stderr F oops");
        assertThat(shim.state()).singleElement().satisfies(state -> {
            assertThat(state.status()).isEqualTo(ContainerState.Status.EXITED);
            assertThat(state.exit()).contains(exit);
        });
        assertThat(shim.kill("c1", Signals.SIGTERM, false)).isFalse();
        shim.delete("c1");
        assertThat(shim.state()).isEmpty();
        assertThatThrownBy(() -> shim.delete("c1"))
                .isInstanceOfSatisfying(
                        SandboxException.class, e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.NOT_FOUND));

        shim.shutdown();
        assertThat(init.isAlive()).isFalse();
        try (Pidfd pidfd = Pidfd.open(shim.process().pid())) {
            pidfd.awaitExit(Duration.ofSeconds(30));
        } catch (io.gantry.linux.LinuxException e) {
            assertThat(e.errno()).isEqualTo(io.gantry.linux.Errno.ESRCH);
        }
        assertThat(shim.isAlive()).isFalse();
    }

    @Test
    void theShimIsTheLastThatTheKernelEndsForMemory() throws Exception {
        long effective = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("CapEff:"))
                .mapToLong(line -> Long.parseUnsignedLong(line.substring(7).strip(), 16))
                .sum();
        boolean mayLower = (effective & Capabilities.bit("CAP_SYS_RESOURCE")) != 0;
        String own = Files.readString(Path.of("/proc/self/oom_score_adj"));
        assertThat(Files.readString(Path.of("/proc/" + shim.process().pid() + "/oom_score_adj")))
                .isEqualTo(mayLower ? "-999\n" : own);
    }

    @Test
    void theProcessHasItsUserCapabilitiesAndFilter() throws Exception {
        shim.startPod(pod.spec());
        CapabilitySets capabilities = Capabilities.of(List.of(), List.of("CHOWN"), List.of("NET_BIND_SERVICE"));
        SeccompFilter filter = new Seccomp().runtimeDefault(capabilities.bounding());
        ProcessSpec process = TestPod.shell(
                        "id -u; id -g; id -G; umask; pwd; grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status;"
                                + " ulimit -n; cat /proc/self/oom_score_adj;"
                                + " unshare -U true; unshare -n true; echo fork works; (exit 7); echo $?")
                .user(new ContainerUser(1000, 1001, List.of(1001, 7, 8), "/"))
                .umask(027)
                .workingDirectory("/some/where")
                .capabilities(capabilities)
                .seccomp(filter)
                .noNewPrivileges(true)
                .rlimits(List.of(Rlimit.of("NOFILE", 123, 456)))
                .oomScoreAdjust(777, false)
                .build();
        assertThat(run("c1", process).code()).isZero();
        String bounding = String.format("%016x", capabilities.bounding());
        String bind = String.format("%016x", 1L << 10);
        assertThat(log("c1").lines().filter(line -> line.startsWith("stdout F")).map(line -> line.substring(9)))
                .containsExactly(
                        "1000",
                        "1001",
                        "1001 7 8",
                        "0027",
                        "/some/where",
                        "CapInh:\t" + bind,
                        "CapPrm:\t" + bind,
                        "CapEff:\t" + bind,
                        "CapBnd:\t" + bounding,
                        "CapAmb:\t" + bind,
                        "NoNewPrivs:\t1",
                        "Seccomp:\t2",
                        "123",
                        "777",
                        "fork works",
                        "7");
        assertThat(log("c1")).contains("unshare failed: Operation not permitted");
    }

    @Test
    void everyDefaultFilterIsTakenByTheKernel() throws Exception {
        shim.startPod(pod.spec());
        for (long set : new long[] {0, Capabilities.defaults(), Capabilities.available()}) {
            ProcessSpec process = TestPod.shell("exit 0")
                    .seccomp(new Seccomp().runtimeDefault(set))
                    .noNewPrivileges(true)
                    .build();
            assertThat(run("c" + set, process).code()).isZero();
        }
    }

    @Test
    void execRunsInTheContainer() throws Exception {
        shim.startPod(pod.spec());
        Cgroup group = start("c1", "touch /marker; " + WAIT_FOREVER);
        // The touch is done before the shell forks its sleep, which the exec waits for.
        ExecResult result = ExecResult.of(
                shim,
                exec("c1", group, "until [ -e /marker ]; do sleep 0.01; done; echo out; echo err >&2; exit 4", null));
        assertThat(new String(result.stdout(), StandardCharsets.UTF_8)).isEqualTo("out\n");
        assertThat(new String(result.stderr(), StandardCharsets.UTF_8)).isEqualTo("err\n");
        assertThat(result.exitCode()).isEqualTo(4);
        assertThat(result.timedOut()).isFalse();

        ExecResult large = ExecResult.of(shim, exec("c1", group, "head -c 1000000 /dev/zero", null));
        assertThat(large.stdout()).hasSize(1_000_000);

        // The sleep in the background holds the pipes, and must go as well.
        ExecResult late =
                ExecResult.of(shim, exec("c1", group, "sleep 1000 & echo before; sleep 1000", Duration.ofMillis(300)));
        assertThat(late.timedOut()).isTrue();
        assertThat(late.exitCode()).isEqualTo(137);
        assertThat(new String(late.stdout(), StandardCharsets.UTF_8)).isEqualTo("before\n");
        ExecResult left = ExecResult.of(shim, exec("c1", group, "ls /proc | grep -c '^[0-9]'", null));
        // The pod's init, the container's shell and its sleep, this shell, ls and grep.
        assertThat(new String(left.stdout(), StandardCharsets.UTF_8).strip()).isIn("5", "6");

        assertThatThrownBy(() -> ExecResult.of(
                        shim,
                        new ExecSpec(
                                "c1",
                                ProcessSpec.builder(List.of("/no/such")).build(),
                                group.placement(),
                                false,
                                null,
                                null)))
                .isInstanceOfSatisfying(
                        SandboxException.class, e -> assertThat(e.errno()).isEqualTo(io.gantry.linux.Errno.ENOENT))
                .hasMessageContaining("/no/such");
        assertThatThrownBy(() -> ExecResult.of(shim, exec("none", group, "true", null)))
                .isInstanceOfSatisfying(
                        SandboxException.class, e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.NOT_FOUND));

        assertThat(shim.kill("c1", Signals.SIGKILL, true)).isTrue();
        assertThat(shim.waitFor("c1").code()).isEqualTo(137);
        assertThat(shim.waitFor("c1").signal()).isEqualTo(9);
        assertThatThrownBy(() -> ExecResult.of(shim, exec("c1", group, "true", null)))
                .isInstanceOfSatisfying(
                        SandboxException.class,
                        e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.FAILED_PRECONDITION));
    }

    @Test
    void anInteractiveSession() throws Exception {
        shim.startPod(pod.spec());
        Cgroup group = start("c1", WAIT_FOREVER);
        ExecSpec cat = new ExecSpec("c1", TestPod.shell("cat; exit 5").build(), group.placement(), true, null, null);
        try (StreamSession session = shim.exec(cat)) {
            assertThat(session.pid()).isPositive();
            session.stdin("hello".getBytes(StandardCharsets.UTF_8));
            session.closeStdin();
            assertThat(text(session)).isEqualTo("hello[exit 5]");
        }
        ProcessSpec terminal = TestPod.shell("read line; stty size; exit 6")
                .terminal(true)
                .size(new ProcessSpec.TerminalSize(80, 24))
                .build();
        try (StreamSession session = shim.exec(new ExecSpec("c1", terminal, group.placement(), true, null, null))) {
            session.resize(100, 50);
            session.stdin("\n".getBytes(StandardCharsets.UTF_8));
            assertThat(text(session)).contains("50 100").endsWith("[exit 6]");
        }
    }

    @Test
    void aSizeOvertakesStuckInput() throws Exception {
        shim.startPod(pod.spec());
        Cgroup group = start("c1", WAIT_FOREVER);
        ProcessSpec deaf = TestPod.shell(
                        "stty raw -echo; trap 'stty size' WINCH; echo ready; while :; do sleep 0.1; done")
                .terminal(true)
                .build();
        try (StreamSession session = shim.exec(new ExecSpec("c1", deaf, group.placement(), true, null, null))) {
            awaitText(session, "ready");
            AtomicLong written = new AtomicLong();
            Thread.startVirtualThread(() -> {
                try {
                    while (written.addAndGet(64 << 10) <= 16 << 20) {
                        session.stdin(new byte[64 << 10]);
                    }
                } catch (SandboxException e) {
                    // Closed while it waits.
                }
            });
            long before = -1;
            while (written.get() != before) {
                before = written.get();
                Thread.sleep(200);
            }
            assertThat(before).isLessThan(16 << 20);
            session.resize(77, 22);
            awaitText(session, "22 77");
        }
    }

    private static void awaitText(StreamSession session, String expected) throws Exception {
        StringBuilder text = new StringBuilder();
        while (text.indexOf(expected) < 0) {
            if (!(session.next() instanceof StreamEvent.Stdout(byte[] data))) {
                throw new AssertionError("the session ended after: " + text);
            }
            text.append(new String(data, StandardCharsets.UTF_8));
        }
    }

    private static String text(StreamSession session) throws Exception {
        StringBuilder text = new StringBuilder();
        while (true) {
            StreamEvent event = session.next();
            if (event == null) {
                return text.append("[end]").toString();
            }
            switch (event) {
                case StreamEvent.Stdout out -> text.append(new String(out.data(), StandardCharsets.UTF_8));
                case StreamEvent.Stderr err -> text.append(new String(err.data(), StandardCharsets.UTF_8));
                case StreamEvent.Exit end -> {
                    return text.append("[exit ")
                            .append(end.exit().code())
                            .append(']')
                            .toString();
                }
            }
        }
    }

    @Test
    void attachSeesAndFeedsTheInit() throws Exception {
        shim.startPod(pod.spec());
        Cgroup group = pod.cgroup("c1", Resources.NONE);
        shim.create(pod.container(
                "c1",
                TestPod.shell("while read line; do echo got $line; done; exit 9")
                        .build(),
                group,
                ContainerSpec.Stdin.ONCE));
        try (StreamSession session = shim.attach("c1", true, true, true)) {
            shim.start("c1");
            session.stdin("a\nb\n".getBytes(StandardCharsets.UTF_8));
            session.closeStdin();
            assertThat(text(session)).isEqualTo("got a\ngot b\n[exit 9]");
        }
        assertThat(log("c1")).isEqualTo("stdout F got a\nstdout F got b");
    }

    @Test
    void eventsAndReconnection() throws Exception {
        shim.startPod(pod.spec());
        BlockingQueue<String> seen = new LinkedBlockingQueue<>();
        Shim again = TestPod.shims().reconnect(pod.run).orElseThrow();
        assertThat(again.process()).isEqualTo(shim.process());
        try (Shim.Subscription subscription =
                again.events(exit -> seen.add(exit.id() + " " + exit.code()), () -> seen.add("ended"))) {
            assertThat(subscription).isNotNull();
            start("c1", "exit 1");
            assertThat(seen.take()).isEqualTo("c1 1");
            start("c2", WAIT_FOREVER);
            assertThat(shim.waitFor("c2", Duration.ofMillis(100))).isEmpty();
            assertThatThrownBy(() -> shim.delete("c2"))
                    .isInstanceOfSatisfying(
                            SandboxException.class,
                            e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.FAILED_PRECONDITION));
            shim.shutdown();
            assertThat(seen.take()).isEqualTo("c2 137");
            assertThat(seen.take()).isEqualTo("ended");
        }
        assertThat(ContainerExit.read(pod.exitFile("c2"))).isPresent();
    }

    @Test
    void logsAreRotatedByReopening() throws Exception {
        shim.startPod(pod.spec());
        Cgroup group = start("c1", "echo one; while [ ! -e /go ]; do sleep 0.01; done; echo two");
        while (!Files.readString(pod.log("c1")).contains("one")) {
            Thread.sleep(5);
        }
        Files.move(pod.log("c1"), folder.resolve("rotated"));
        shim.reopenLog("c1");
        ExecResult.of(shim, exec("c1", group, "touch /go", null));
        shim.waitFor("c1");
        assertThat(log("c1")).isEqualTo("stdout F two");
        assertThat(Files.readString(folder.resolve("rotated"))).contains("one").doesNotContain("two");
    }

    @Test
    void anOutOfMemoryKillIsTold() throws Exception {
        shim.startPod(pod.spec());
        Cgroup group = pod.cgroup(
                "c1",
                Resources.builder()
                        .memoryLimit(16 << 20)
                        .memorySwapLimit(16 << 20)
                        .build());
        shim.create(pod.container(
                "c1", TestPod.shell("head -c 100000000 /dev/zero | tail").build(), group, ContainerSpec.Stdin.NONE));
        shim.start("c1");
        ContainerExit exit = shim.waitFor("c1");
        assertThat(exit.oomKilled())
                .as("%s %s", exit, Files.readString(pod.log("c1")))
                .isTrue();
        assertThat(exit.code()).isEqualTo(137);
        assertThat(group.oomKills()).isPositive();
    }

    @Test
    void failuresTellStepAndErrno() throws Exception {
        shim.startPod(pod.spec());
        Cgroup group = pod.cgroup("c1", Resources.NONE);
        assertThatThrownBy(() -> shim.create(pod.container(
                        "c1",
                        TestPod.shell("true").build(),
                        group,
                        ContainerSpec.Stdin.NONE,
                        new RootfsOp.Bind(Path.of("/no/such/source"), "/x", List.of()))))
                .hasMessageContaining("/no/such/source")
                .isInstanceOfSatisfying(SandboxException.class, e -> {
                    assertThat(e.step()).isEqualTo("bind");
                    assertThat(e.errno()).isEqualTo(io.gantry.linux.Errno.ENOENT);
                });
        assertThat(shim.state()).isEmpty();

        shim.create(pod.container(
                "c2",
                ProcessSpec.builder(List.of("/no/such/program")).build(),
                pod.cgroup("c2", Resources.NONE),
                ContainerSpec.Stdin.NONE));
        assertThatThrownBy(() -> shim.start("c2"))
                .hasMessageContaining("/no/such/program")
                .isInstanceOfSatisfying(SandboxException.class, e -> {
                    assertThat(e.step()).isEqualTo("exec");
                    assertThat(e.errno()).isEqualTo(io.gantry.linux.Errno.ENOENT);
                });
    }

    @Test
    void aFrozenShimIsToldAndCanBeKilled() throws Exception {
        shim.startPod(pod.spec());
        Shim impatient = new Shim(
                pod.run,
                shim.process(),
                new Shim.Deadlines(
                        Duration.ofMillis(300),
                        Duration.ofMillis(300),
                        Duration.ofMillis(300),
                        Duration.ofMillis(300)));
        Cgroup group = start("c1", WAIT_FOREVER);
        try (Pidfd pidfd = Pidfd.open(shim.process().pid())) {
            pidfd.sendSignal(19);
        }
        assertThatThrownBy(impatient::state).hasMessage("shim of pod pod-1 does not answer");
        shim.destroy();
        assertThat(shim.isAlive()).isFalse();
        assertThat(TestPod.shims().reconnect(pod.run)).isEmpty();
        group.remove();
        assertThat(group.exists()).isFalse();
    }

    @Test
    void aFolderThatIsMissing() {
        assertThatThrownBy(() -> TestPod.shims().launch(folder.resolve("missing"), null))
                .hasMessageContaining("cannot start the shim of pod missing");
        assertThatThrownBy(() -> new Shims(Path.of("/no/shim")).launch(pod.run, null))
                .hasMessageContaining("/no/shim");
    }
}
