package io.gantry.conformance;

import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.ContainerMetadata;
import io.gantry.cri.v1.ContainerStatus;
import io.gantry.cri.v1.CreateContainerRequest;
import io.gantry.cri.v1.DNSConfig;
import io.gantry.cri.v1.LinuxContainerConfig;
import io.gantry.cri.v1.LinuxContainerSecurityContext;
import io.gantry.cri.v1.LinuxPodSandboxConfig;
import io.gantry.cri.v1.LinuxSandboxSecurityContext;
import io.gantry.cri.v1.NamespaceMode;
import io.gantry.cri.v1.NamespaceOption;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.cri.v1.PodSandboxMetadata;
import io.gantry.cri.v1.RemovePodSandboxRequest;
import io.gantry.cri.v1.RunPodSandboxRequest;
import io.gantry.cri.v1.StopPodSandboxRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/** A pod of one test: it has a log folder, makes containers with few words, and is removed at the end. */
final class TestPod implements AutoCloseable {
    static final String BUSYBOX = "gantry.test/busybox:1";

    private static final AtomicInteger COUNTER = new AtomicInteger();

    private final Cri cri;
    private final PodSandboxConfig config;
    private final String id;
    private final AtomicInteger containers = new AtomicInteger();

    private TestPod(Cri cri, PodSandboxConfig config, String id) {
        this.cri = cri;
        this.config = config;
        this.id = id;
    }

    static TestPod run(Cri cri) {
        return run(cri, builder -> {});
    }

    static TestPod run(Cri cri, Consumer<PodSandboxConfig.Builder> change) {
        PodSandboxConfig.Builder builder = config(cri);
        change.accept(builder);
        PodSandboxConfig config = builder.build();
        return new TestPod(cri, config, runSandbox(cri, config));
    }

    /** In the host's network: no CNI plugin runs. Most tests need no more, and it is quicker. */
    static TestPod runOnHostNetwork(Cri cri) {
        return run(cri, TestPod::hostNetwork);
    }

    static void hostNetwork(PodSandboxConfig.Builder builder) {
        builder.clearHostname();
        security(builder, security -> security.getNamespaceOptionsBuilder().setNetwork(NamespaceMode.NODE));
    }

    static void security(PodSandboxConfig.Builder pod, Consumer<LinuxSandboxSecurityContext.Builder> change) {
        change.accept(pod.getLinuxBuilder().getSecurityContextBuilder());
    }

    static PodSandboxConfig.Builder config(Cri cri) {
        String name = "pod-" + COUNTER.incrementAndGet();
        return PodSandboxConfig.newBuilder()
                .setMetadata(PodSandboxMetadata.newBuilder()
                        .setName(name)
                        .setNamespace("blackbox")
                        .setUid(UUID.randomUUID().toString()))
                .setHostname(name)
                .setLogDirectory(newLogFolder(cri).toString())
                .setDnsConfig(DNSConfig.getDefaultInstance())
                .setLinux(LinuxPodSandboxConfig.getDefaultInstance());
    }

    private static Path newLogFolder(Cri cri) {
        try {
            return Files.createTempDirectory(Files.createDirectories(cri.logs()), "pod-");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String runSandbox(Cri cri, PodSandboxConfig config) {
        return cri.runtime()
                .runPodSandbox(
                        RunPodSandboxRequest.newBuilder().setConfig(config).build())
                .getPodSandboxId();
    }

    /** The same pod, over another connection. */
    TestPod over(Cri other) {
        TestPod same = new TestPod(other, config, id);
        same.containers.set(containers.get());
        return same;
    }

    String id() {
        return id;
    }

    PodSandboxConfig sandboxConfig() {
        return config;
    }

    Path logFolder() {
        return Path.of(config.getLogDirectory());
    }

    /** A container's configuration with a name of its own and a log, and the pod's namespaces. */
    ContainerConfig.Builder container(String image, String... command) {
        int number = containers.incrementAndGet();
        NamespaceOption namespaces = config.getLinux().getSecurityContext().getNamespaceOptions();
        return ContainerConfig.newBuilder()
                .setMetadata(ContainerMetadata.newBuilder().setName("c" + number))
                .setImage(Cri.image(image))
                .addAllCommand(List.of(command))
                .setLogPath("c" + number + ".log")
                .setLinux(LinuxContainerConfig.newBuilder()
                        .setSecurityContext(
                                LinuxContainerSecurityContext.newBuilder().setNamespaceOptions(namespaces)));
    }

    String create(ContainerConfig.Builder container) {
        return create(container.build());
    }

    String create(ContainerConfig container) {
        return cri.runtime()
                .createContainer(CreateContainerRequest.newBuilder()
                        .setPodSandboxId(id)
                        .setConfig(container)
                        .setSandboxConfig(config)
                        .build())
                .getContainerId();
    }

    /** A started container that does nothing, for tests that look at it from outside or run commands in it. */
    String runIdle() {
        return runIdle(container -> {});
    }

    String runIdle(Consumer<ContainerConfig.Builder> change) {
        cri.pull(BUSYBOX);
        ContainerConfig.Builder container = container(BUSYBOX, "sh", "-c", "while :; do sleep 3600; done");
        change.accept(container);
        String made = create(container);
        cri.start(made);
        return made;
    }

    /** Runs a shell line as a container until it exits. */
    Finished runShell(String line) {
        return runShell(line, container -> {});
    }

    Finished runShell(String line, Consumer<ContainerConfig.Builder> change) {
        cri.pull(BUSYBOX);
        ContainerConfig.Builder container = container(BUSYBOX, "sh", "-c", line);
        change.accept(container);
        return runToEnd(container);
    }

    Finished runToEnd(ContainerConfig.Builder container) {
        String made = create(container);
        ContainerStatus status = cri.startAndWait(made);
        return new Finished(made, status, CriLog.read(Path.of(status.getLogPath())));
    }

    /** A container that has exited, and what it printed. */
    record Finished(String id, ContainerStatus status, List<CriLog.Line> log) {
        String stdout() {
            return CriLog.text(log, "stdout").stripTrailing();
        }

        String stderr() {
            return CriLog.text(log, "stderr").stripTrailing();
        }
    }

    void stop() {
        cri.runtime()
                .stopPodSandbox(
                        StopPodSandboxRequest.newBuilder().setPodSandboxId(id).build());
    }

    void remove() {
        cri.runtime()
                .removePodSandbox(
                        RemovePodSandboxRequest.newBuilder().setPodSandboxId(id).build());
    }

    @Override
    public void close() {
        remove();
    }
}
