package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.linux.Netns;
import io.gantry.linux.ProcessId;
import io.gantry.sandbox.RootfsOp.BindFlag;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Pods with a user namespace, through the real shim and with real cgroups. */
@Tag("privileged")
@Timeout(120)
class UserNamespaceTest {
    private static final IdMap UIDS = new IdMap(0, 524_288, 65_536);
    private static final IdMap GIDS = new IdMap(0, 589_824, 65_536);

    @TempDir
    Path folder;

    private TestPod pod;
    private Shim shim;

    @BeforeEach
    void launch() throws Exception {
        // Nobody else may enter: what is mounted for the container must not be looked up by the ids of the pod.
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
        pod = new TestPod(folder);
        shim = pod.shim;
    }

    @AfterEach
    void close() throws Exception {
        pod.remove();
    }

    private static String owner(Path file) throws Exception {
        return Files.getAttribute(file, "unix:uid") + ":" + Files.getAttribute(file, "unix:gid");
    }

    private static String proc(ProcessId process, String file) throws Exception {
        return Files.readString(Path.of("/proc/" + process.pid() + "/" + file)).strip();
    }

    private ContainerSpec spec(String id, Cgroup group, String script, RootfsOp... more) throws Exception {
        return TestPod.contained(
                pod.container(id, TestPod.shell(script).build(), group, ContainerSpec.Stdin.NONE, more));
    }

    private ContainerExit run(String id, String script, RootfsOp... more) throws Exception {
        shim.create(spec(id, pod.cgroup(id, Resources.NONE), script, more));
        shim.start(id);
        return shim.waitFor(id);
    }

    private String log(String id) throws Exception {
        return String.join(
                "\n",
                Files.readAllLines(pod.log(id)).stream()
                        .map(line -> line.split(" ", 4)[3])
                        .toList());
    }

    @Test
    void whoIsRootInsideIsNobodyOutside() throws Exception {
        ProcessId init = shim.startPod(pod.contained(UIDS, GIDS)).orElseThrow();
        assertThat(proc(init, "status")).contains("Uid:\t524288\t", "Gid:\t589824\t");
        assertThat(Netns.exists(pod.run.resolve("netns"))).isTrue();
        assertThat(CgroupFiles.processes(pod.cgroups
                        .open(pod.parent, "init")
                        .placement()
                        .killGroups()
                        .getFirst()))
                .contains(init.pid());

        Cgroup group = pod.cgroup("c1", Resources.NONE);
        ProcessId process = shim.create(spec("c1", group, "echo made > /made; trap 'exit 3' TERM; sleep 1000 & wait"));
        shim.start("c1");
        assertThat(proc(process, "uid_map").split("\\s+")).containsExactly("0", "524288", "65536");
        assertThat(proc(process, "gid_map").split("\\s+")).containsExactly("0", "589824", "65536");
        assertThat(proc(process, "status")).contains("Uid:\t524288\t");
        assertThat(CgroupFiles.processes(group.placement().killGroups().getFirst()))
                .contains(process.pid());

        ExecResult seen = ExecResult.of(
                shim,
                new ExecSpec(
                        "c1",
                        TestPod.shell("id -u; id -g; cat /made; stat -c %u /made /dev/null /; echo x > /by-exec")
                                .build(),
                        group.placement(),
                        false,
                        Duration.ofSeconds(30),
                        null));
        assertThat(new String(seen.stdout(), StandardCharsets.UTF_8)).isEqualTo("0\n0\nmade\n0\n0\n0\n");
        assertThat(owner(folder.resolve("c1/upper/by-exec"))).isEqualTo("524288:589824");
        assertThat(owner(pod.log("c1"))).isEqualTo("0:0");

        shim.kill("c1", Signals.SIGTERM, false);
        assertThat(shim.waitFor("c1").code()).isEqualTo(3);
    }

    @Test
    void volumesShowTheOwnersThatTheHostHas() throws Exception {
        shim.startPod(pod.contained(UIDS, GIDS));
        Path data = Files.createDirectories(folder.resolve("data"));
        Files.writeString(data.resolve("file"), "x");
        Files.setAttribute(data.resolve("file"), "unix:uid", 1234);
        ContainerExit exit = run(
                "c1",
                "stat -c %u:%g /data/file /plain/file; echo y > /data/new; echo z > /plain/new || echo refused",
                new RootfsOp.Bind(data, "/data", List.of(BindFlag.RECURSIVE, BindFlag.ID_MAPPED, BindFlag.PRIVATE)),
                new RootfsOp.Bind(data, "/plain", List.of(BindFlag.RECURSIVE, BindFlag.PRIVATE)));
        assertThat(exit.code()).isZero();
        assertThat(log("c1").lines()).contains("1234:0", "65534:65534", "refused");
        assertThat(owner(data.resolve("new"))).isEqualTo("0:0");
    }

    @Test
    void whatCannotBeMappedIsToldAndLeavesNothing() throws Exception {
        shim.startPod(pod.contained(UIDS, GIDS));
        Cgroup group = pod.cgroup("c1", Resources.NONE);
        ContainerSpec spec = spec(
                "c1",
                group,
                "exit 0",
                new RootfsOp.Bind(Path.of("/proc/sys"), "/data", List.of(BindFlag.ID_MAPPED, BindFlag.PRIVATE)));
        assertThatThrownBy(() -> shim.create(spec))
                .isInstanceOfSatisfying(
                        SandboxException.class, e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.INVALID))
                .hasMessageContaining("bind /proc/sys")
                .hasMessageContaining("id-mapped");
        assertThat(shim.state()).isEmpty();
        assertThat(CgroupFiles.processes(group.placement().killGroups().getFirst()))
                .isEmpty();
    }

    @Test
    void thisMachineHasWhatItTakes() throws Exception {
        Path place = Files.createDirectories(folder.resolve("probe"));
        assertThat(TestPod.shims().probeUserNamespaces(place)).isEqualTo(new UserNamespaceSupport(true, true, ""));
        UserNamespaceSupport none = TestPod.shims().probeUserNamespaces(Path.of("/proc/self"));
        assertThat(none.pods()).isFalse();
        assertThat(none.inHostNetwork()).isFalse();
        assertThat(none.missing()).contains("/proc/self");
    }
}
