package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.sandbox.RootfsOp.BindFlag;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The golden frames, which the shim's own tests read too. */
class FrameTest {
    private static final Path GOLDEN = Path.of("src/test/golden");

    static Stream<String> texts() throws Exception {
        try (Stream<Path> files = Files.list(GOLDEN)) {
            return files
                    .map(path -> path.getFileName().toString())
                    .filter(name -> name.endsWith(".fields"))
                    .map(name -> name.substring(0, name.length() - ".fields".length()))
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    private static byte[] bytes(String name) throws Exception {
        return Files.readAllBytes(GOLDEN.resolve(name + ".frame"));
    }

    private static List<String> fields(String name) throws Exception {
        List<String> lines = new ArrayList<>();
        String text = Files.readString(GOLDEN.resolve(name + ".fields"));
        for (String line : text.substring(0, text.length() - 1).split("\n", -1)) {
            lines.add(line.replace("\\n", "\n").replace("\\\\", "\\"));
        }
        return lines.subList(1, lines.size());
    }

    private static Frame frame(String name) throws Exception {
        ByteBuffer bytes = ByteBuffer.wrap(bytes(name)).order(ByteOrder.LITTLE_ENDIAN);
        byte[] payload = new byte[bytes.getInt()];
        int type = bytes.get() & 0xff;
        bytes.position(Frame.HEADER).get(payload);
        assertThat(bytes.hasRemaining()).isFalse();
        return new Frame(type, payload);
    }

    @ParameterizedTest
    @MethodSource("texts")
    void everyGoldenTextReadsAndWritesAlike(String name) throws Exception {
        Frame frame = frame(name);
        assertThat(frame.fields()).isEqualTo(fields(name));
        assertThat(Frame.encode(Frame.text(frame.type(), frame.fields().toArray())))
                .isEqualTo(bytes(name));
    }

    @Test
    void requestsAreTheGoldenOnes() throws Exception {
        assertThat(Frame.encode(Frame.hello())).isEqualTo(bytes("hello"));
        assertThat(Frame.encode(Frame.text(Frame.SHUTDOWN))).isEqualTo(bytes("shutdown"));
        assertThat(frame("start").type()).isEqualTo(Frame.START);
        assertThat(frame("kill").type()).isEqualTo(Frame.KILL);
        assertThat(frame("delete").type()).isEqualTo(Frame.DELETE);
        assertThat(frame("attach").type()).isEqualTo(Frame.ATTACH);
        assertThat(frame("wait").type()).isEqualTo(Frame.WAIT);
        assertThat(frame("events").type()).isEqualTo(Frame.EVENTS);
        assertThat(frame("state").type()).isEqualTo(Frame.STATE);
        assertThat(frame("reopen-log").type()).isEqualTo(Frame.REOPEN_LOG);
        assertThat(frame("size").type()).isEqualTo(Frame.SIZE);
        assertThat(frame("resize").type()).isEqualTo(Frame.RESIZE);
        assertThat(frame("stdin").type()).isEqualTo(Frame.STDIN);
        assertThat(frame("stdin-eof").type()).isEqualTo(Frame.STDIN_EOF);
        assertThat(frame("stdout").type()).isEqualTo(Frame.STDOUT);
        assertThat(frame("error").type()).isEqualTo(Frame.ERROR);
    }

    private static ProcessSpec process() {
        return ProcessSpec.builder(List.of("sh", "-c", "echo \"$A\""))
                .environmentText(List.of("PATH=/bin", "A=b\nc\\d \u00e9", "EMPTY="))
                .workingDirectory("/srv")
                .user(new ContainerUser(1000, 1000, List.of(1000, 50000), "/"))
                .capabilities(new CapabilitySets(0xa80425fbL, 0x400, 0x400, 0, 0))
                .noNewPrivileges(true)
                .rlimits(List.of(new Rlimit(7, 1024, -1, false), new Rlimit(6, -1, -1, true)))
                .oomScoreAdjust(1000, true)
                .seccomp(new SeccompFilter(HexFormat.of().parseHex("060000000000ff7f"), List.of("log", "spec_allow")))
                .apparmor("cri-containerd.apparmor.d")
                .terminal(true)
                .size(new ProcessSpec.TerminalSize(80, 24))
                .build();
    }

    /** The order of records of different kinds is free but for the file systems, so it is not compared. */
    private static void sameRecords(byte[] encoded, String golden) throws Exception {
        assertThat(Records.fields(encoded)).containsExactlyInAnyOrderElementsOf(fields(golden));
    }

    @Test
    void aContainerHasTheGoldenRecords() throws Exception {
        Path cgroup = Path.of("/sys/fs/cgroup/memory/pods/p1/c1");
        CgroupPlacement placement = new CgroupPlacement(
                List.of(new CgroupJoin(2, Path.of("/sys/fs/cgroup/pods/p1/c1")), new CgroupJoin(1, cgroup)),
                List.of(cgroup),
                List.of(new CgroupPlacement.OomCounter(cgroup.resolve("memory.oom_control"), "oom_kill")),
                null);
        List<RootfsOp> rootfs = List.of(
                new RootfsOp.Overlay(
                        List.of(Path.of("/var/lib/gantry/layers/b"), Path.of("/var/lib/gantry/layers/a")),
                        Path.of("/var/lib/gantry/containers/c1/upper"),
                        Path.of("/var/lib/gantry/containers/c1/work"),
                        Path.of("/run/gantry/containers/c1/root"),
                        true,
                        false),
                new RootfsOp.MakeDir("/run/lock", 01777),
                new RootfsOp.MountFs(
                        "tmpfs", "tmpfs", "/dev", List.of("nosuid", "strictatime"), "mode=755,size=65536k"),
                new RootfsOp.MountFs("proc", "proc", "/proc", List.of("nosuid", "nodev", "noexec"), ""),
                new RootfsOp.Bind(
                        Path.of("/etc/hosts"),
                        "/etc/hosts",
                        List.of(BindFlag.READ_ONLY, BindFlag.RECURSIVE, BindFlag.PRIVATE, BindFlag.MAKE_FILE)),
                new RootfsOp.ImageMount(
                        List.of(Path.of("/var/lib/gantry/layers/d"), Path.of("/var/lib/gantry/layers/c")),
                        "/models",
                        "weights/small",
                        List.of(BindFlag.READ_ONLY, BindFlag.NO_DEV, BindFlag.PRIVATE)),
                new RootfsOp.Volume(Path.of("/var/lib/gantry/containers/c1/volumes/0"), "/data"),
                new RootfsOp.Device("/dev/null", 'c', 1, 3, 0666, 0, 0),
                new RootfsOp.Symlink("/proc/self/fd", "/dev/fd"),
                new RootfsOp.Console("/dev/console"),
                new RootfsOp.Mask("/proc/kcore"),
                new RootfsOp.ReadOnlyPath("/proc/sys"),
                new RootfsOp.Sysctl("kernel/shm_rmid_forced", "1"),
                new RootfsOp.ReadOnlyRoot());
        ContainerSpec spec = new ContainerSpec(
                "c1",
                process(),
                placement,
                Path.of("/run/gantry/containers/c1/exit"),
                Path.of("/var/log/pods/p1/c1/0.log"),
                ContainerSpec.Stdin.ONCE,
                List.of(
                        NamespaceUse.pod(Namespace.PID),
                        NamespaceUse.pod(Namespace.NET),
                        NamespaceUse.own(Namespace.CGROUP),
                        NamespaceUse.container(Namespace.IPC, "c0")),
                rootfs);
        sameRecords(spec.encode(), "create");
        List<String> golden = fields("create");
        List<String> fileSystems = golden.subList(golden.indexOf("lower"), golden.size());
        assertThat(Records.fields(RootfsOp.encode(rootfs))).isEqualTo(fileSystems);
    }

    @Test
    void aContainerInAUserNamespaceHasTheGoldenRecords() throws Exception {
        Path cgroup = Path.of("/sys/fs/cgroup/memory/pods/p1/c1");
        ContainerSpec spec = new ContainerSpec(
                "c2",
                ProcessSpec.builder(List.of("sh"))
                        .user(new ContainerUser(65535, 65535, List.of(), "/"))
                        .build(),
                new CgroupPlacement(List.of(), List.of(cgroup), List.of(), null),
                Path.of("/run/gantry/containers/c2/exit"),
                null,
                ContainerSpec.Stdin.NONE,
                List.of(
                        NamespaceUse.pod(Namespace.PID),
                        NamespaceUse.pod(Namespace.NET),
                        NamespaceUse.pod(Namespace.USER)),
                List.of(
                        new RootfsOp.Overlay(
                                List.of(Path.of("/var/lib/gantry/layers/a")),
                                Path.of("/var/lib/gantry/containers/c2/upper"),
                                Path.of("/var/lib/gantry/containers/c2/work"),
                                Path.of("/run/gantry/containers/c2/root"),
                                true,
                                false),
                        new RootfsOp.Bind(
                                Path.of("/srv/data"),
                                "/data",
                                List.of(BindFlag.RECURSIVE, BindFlag.ID_MAPPED, BindFlag.PRIVATE, BindFlag.MAKE_DIR))));
        sameRecords(spec.encode(), "create-userns");
    }

    @Test
    void aPodWithAUserNamespaceHasTheGoldenRecords() throws Exception {
        PodSpec spec = new PodSpec(
                "p2",
                Set.of(Namespace.NET, Namespace.PID, Namespace.USER),
                List.of(new IdMap(0, 131072, 65536)),
                List.of(new IdMap(0, 196608, 65536)),
                null,
                false,
                Map.of(),
                Path.of("/run/gantry/pods/p2/netns"),
                null,
                0,
                List.of(),
                null);
        sameRecords(spec.encode(), "pod-userns");
    }

    @Test
    void aRootWithoutAnUpperFolder() {
        RootfsOp overlay = new RootfsOp.Overlay(List.of(Path.of("/l")), null, null, Path.of("/root"), false, false);
        assertThat(Records.fields(RootfsOp.encode(List.of(overlay))))
                .containsExactly("lower", "/l", "overlay", "-", "-", "ro", "/root");
    }

    @Test
    void anExecHasTheGoldenRecords() throws Exception {
        CgroupPlacement placement = new CgroupPlacement(
                List.of(new CgroupJoin(1, Path.of("/sys/fs/cgroup/memory/pods/p1/c1"))),
                List.of(),
                List.of(),
                Path.of("/sys/fs/cgroup/pids/pods/p1/c1"));
        ExecSpec spec = new ExecSpec("c1", process(), placement, true, Duration.ofMillis(1500), Duration.ofMillis(500));
        sameRecords(spec.encode(), "exec");
    }

    @Test
    void aPodHasTheGoldenRecords() throws Exception {
        PodSpec spec = new PodSpec(
                "p1",
                Set.of(Namespace.NET, Namespace.IPC, Namespace.UTS, Namespace.PID),
                List.of(),
                List.of(),
                "web-0",
                true,
                Map.of("net/ipv4/ip_unprivileged_port_start", "0"),
                Path.of("/run/gantry/pods/p1/netns"),
                Path.of("/run/gantry/pods/p1/shm"),
                64 << 20,
                List.of(new CgroupJoin(1, Path.of("/sys/fs/cgroup/memory/pods/p1/init"))),
                -998);
        sameRecords(spec.encode(), "pod");
    }

    @Test
    void theGoldenStateAndExits() throws Exception {
        List<ContainerState> states = Shim.states(fields("ok-state"));
        assertThat(states).isNotEmpty();
        assertThat(states)
                .filteredOn(state -> state.status() == ContainerState.Status.EXITED)
                .isNotEmpty()
                .allSatisfy(state -> assertThat(state.exit()).isPresent());
        assertThat(states)
                .filteredOn(state -> state.status() != ContainerState.Status.EXITED)
                .isNotEmpty()
                .allSatisfy(state -> assertThat(state.exit()).isEmpty());
        assertThat(ContainerExit.of(Records.pairs(fields("exit-timeout"))).timedOut())
                .isTrue();
        assertThat(ContainerExit.of(Records.pairs(fields("exit"))).timedOut()).isFalse();
    }

    @Test
    void exitFilesAreReadAsTheShimWritesThem(@org.junit.jupiter.api.io.TempDir Path folder) throws Exception {
        Path file = folder.resolve("exit");
        assertThat(ContainerExit.read(file)).isEmpty();
        Files.writeString(file, "id c1\ncode 137\nsignal 9\noom 1\nstarted 10\nfinished 20\n");
        assertThat(ContainerExit.read(file))
                .isEqualTo(Optional.of(new ContainerExit("c1", 137, 9, true, false, 10, 20)));
        Files.writeString(file, "id c1\ncode x\n");
        assertThatThrownBy(() -> ContainerExit.read(file)).hasMessageContaining(file.toString());
    }

    @Test
    void aFieldCannotForgeARecord() {
        assertThatThrownBy(() -> new Records().add("arg", "x\0mount")).isInstanceOf(IllegalArgumentException.class);
        byte[] notUtf8 = {'A', '=', (byte) 0xff};
        byte[] written = new Records().addBytes("env", notUtf8).toBytes();
        assertThat(Arrays.copyOfRange(written, 4, 7)).isEqualTo(notUtf8);
        assertThatThrownBy(() -> Records.fields("no end".getBytes(StandardCharsets.UTF_8)))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
