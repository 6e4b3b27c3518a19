package io.gantry.sandbox;

import io.gantry.linux.Directory;
import io.gantry.linux.MountInfo;
import io.gantry.linux.Mounts;
import io.gantry.sandbox.RootfsOp.BindFlag;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** A pod by the real shim, for tests. Its containers see the machine's own /usr, so that a shell and the usual tools are there. */
final class TestPod {
    static final List<RootfsOp> MOUNTS = List.of(
            new RootfsOp.MountFs("proc", "proc", "/proc", List.of("nosuid", "nodev", "noexec"), ""),
            new RootfsOp.MountFs("tmpfs", "tmpfs", "/dev", List.of("nosuid"), "mode=755,size=64k"),
            new RootfsOp.MountFs(
                    "devpts", "devpts", "/dev/pts", List.of("nosuid", "noexec"), "newinstance,ptmxmode=0666,mode=0620"),
            new RootfsOp.Symlink("pts/ptmx", "/dev/ptmx"),
            new RootfsOp.Device("/dev/null", 'c', 1, 3, 0666, 0, 0),
            new RootfsOp.Device("/dev/zero", 'c', 1, 5, 0666, 0, 0),
            new RootfsOp.Bind(
                    Path.of("/usr"), "/usr", List.of(BindFlag.READ_ONLY, BindFlag.RECURSIVE, BindFlag.MAKE_DIR)),
            new RootfsOp.Symlink("usr/bin", "/bin"),
            new RootfsOp.Symlink("usr/lib", "/lib"),
            new RootfsOp.Symlink("usr/lib64", "/lib64"));

    final Path folder;
    final Path run;
    final Shim shim;
    final Cgroups cgroups;
    final String parent = "/gantry-test-" + UUID.randomUUID();
    private final List<Cgroup> groups = new ArrayList<>();

    TestPod(Path folder) throws Exception {
        this.folder = folder;
        run = Files.createDirectories(folder.resolve("run/pod-1"));
        Files.createDirectories(folder.resolve("layer"));
        cgroups = Cgroups.detect(Cgroups.Driver.CGROUPFS);
        shim = shims().launch(run, null);
    }

    static Shims shims() {
        return new Shims(Path.of("target/native/gantry-shim").toAbsolutePath());
    }

    /** A pod with every namespace of its own but the user namespace. */
    PodSpec spec() throws Exception {
        Cgroup group = cgroups.create(parent, "init", FirstProcess.NONE, Resources.NONE);
        groups.add(group);
        return new PodSpec(
                "pod-1",
                Set.of(Namespace.NET, Namespace.IPC, Namespace.UTS, Namespace.PID),
                List.of(),
                List.of(),
                "testhost",
                true,
                Map.of("net/ipv4/ip_unprivileged_port_start", "77"),
                Files.createFile(run.resolve("netns")),
                Files.createDirectories(run.resolve("shm")),
                1 << 20,
                group.placement().joins(),
                -998);
    }

    /** The same with a user namespace, which owns the others. */
    PodSpec contained(IdMap uids, IdMap gids) throws Exception {
        PodSpec plain = spec();
        return new PodSpec(
                plain.id(),
                Set.of(Namespace.NET, Namespace.IPC, Namespace.UTS, Namespace.PID, Namespace.USER),
                List.of(uids),
                List.of(gids),
                plain.hostname(),
                plain.loopback(),
                plain.sysctls(),
                plain.netns(),
                plain.shm(),
                plain.shmBytes(),
                plain.cgroup(),
                plain.oomScoreAdjust());
    }

    /** A container in the pod's user namespace. */
    static ContainerSpec contained(ContainerSpec plain) {
        List<NamespaceUse> namespaces = new ArrayList<>(plain.namespaces());
        namespaces.add(NamespaceUse.pod(Namespace.USER));
        return new ContainerSpec(
                plain.id(),
                plain.process(),
                plain.cgroup(),
                plain.exitFile(),
                plain.log(),
                plain.stdin(),
                namespaces,
                plain.rootfs());
    }

    Cgroup cgroup(String id, Resources resources) throws Exception {
        Cgroup group = cgroups.create(parent, id, FirstProcess.NONE, resources);
        groups.add(group);
        return group;
    }

    Path exitFile(String id) {
        return folder.resolve(id).resolve("exit");
    }

    Path log(String id) {
        return folder.resolve(id).resolve("log");
    }

    static ProcessSpec.Builder shell(String script) {
        return ProcessSpec.builder(List.of("/bin/sh", "-c", script))
                .environmentText(List.of("PATH=/usr/sbin:/usr/bin", "GREETING=h\u00e9llo"));
    }

    ContainerSpec container(String id, ProcessSpec process, Cgroup cgroup, ContainerSpec.Stdin stdin, RootfsOp... more)
            throws Exception {
        Path home = Files.createDirectories(folder.resolve(id));
        Files.createDirectories(home.resolve("upper"));
        Files.createDirectories(home.resolve("work"));
        Files.createDirectories(home.resolve("root"));
        List<RootfsOp> rootfs = new ArrayList<>();
        rootfs.add(new RootfsOp.Overlay(
                List.of(folder.resolve("layer")),
                home.resolve("upper"),
                home.resolve("work"),
                home.resolve("root"),
                true,
                false));
        rootfs.addAll(MOUNTS);
        rootfs.addAll(List.of(more));
        return new ContainerSpec(
                id,
                process,
                cgroup.placement(),
                exitFile(id),
                log(id),
                stdin,
                List.of(
                        NamespaceUse.pod(Namespace.PID),
                        NamespaceUse.pod(Namespace.NET),
                        NamespaceUse.pod(Namespace.IPC),
                        NamespaceUse.pod(Namespace.UTS),
                        NamespaceUse.own(Namespace.CGROUP)),
                rootfs);
    }

    void remove() throws Exception {
        if (shim.isAlive()) {
            try {
                shim.shutdown();
            } catch (SandboxException e) {
                shim.destroy();
            }
        }
        for (Cgroup group : groups) {
            group.remove();
        }
        cgroups.open(parent, "").remove();
        for (MountInfo mount : MountInfo.self().reversed()) {
            if (mount.target().startsWith(folder.toString())) {
                Mounts.umount(Path.of(mount.target()), true);
            }
        }
        try (Directory directory = Directory.open(folder)) {
            for (Directory.Entry entry : directory.list()) {
                directory.deleteTree(entry.name());
            }
        }
    }
}
