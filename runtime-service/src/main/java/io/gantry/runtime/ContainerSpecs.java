package io.gantry.runtime;

import com.google.protobuf.ByteString;
import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.HugepageLimit;
import io.gantry.cri.v1.LinuxContainerResources;
import io.gantry.cri.v1.LinuxContainerSecurityContext;
import io.gantry.cri.v1.NamespaceOption;
import io.gantry.image.Image;
import io.gantry.sandbox.AppArmor;
import io.gantry.sandbox.CgroupPlacement;
import io.gantry.sandbox.ContainerSpec;
import io.gantry.sandbox.ContainerUser;
import io.gantry.sandbox.Namespace;
import io.gantry.sandbox.NamespaceUse;
import io.gantry.sandbox.ProcessSpec;
import io.gantry.sandbox.Resources;
import io.gantry.sandbox.RootfsOp;
import io.gantry.sandbox.SandboxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** From the CRI's container and its image to what the shim makes. */
final class ContainerSpecs {
    private final Node node;
    private final ContainerMounts mounts;
    private final ContainerSecurity security;
    private final ImageUsers users = new ImageUsers();

    ContainerSpecs(Node node) {
        this.node = node;
        this.mounts = new ContainerMounts(node.layout(), node.host());
        this.security = new ContainerSecurity(
                node.seccompProfiles(), new AppArmor(node.layout().appArmorProfile()));
    }

    /** Does in advance what would make the first container slow. */
    void warmUp() throws SandboxException {
        security.warmUp();
    }

    /** All that is decided of a container before anything of it is made. */
    record Plan(
            String id,
            ProcessSpec process,
            List<RootfsOp> rootfs,
            List<NamespaceUse> namespaces,
            Resources resources,
            ContainerSpec.Stdin stdin,
            @Nullable Path log,
            Path exit,
            int stopSignal) {

        /** The folders that must be there for the image's volumes. */
        List<Path> volumes() {
            return ContainerMounts.volumes(rootfs);
        }

        ContainerSpec spec(CgroupPlacement cgroup) {
            return new ContainerSpec(id, process, cgroup, exit, log, stdin, namespaces, rootfs);
        }
    }

    Plan plan(String id, Pod pod, ContainerConfig config, HeldImages.Of images) throws CriException, SandboxException {
        Image image = images.own();
        LinuxContainerSecurityContext context = config.getLinux().getSecurityContext();
        ContainerUser resolved = users.resolve(image, context);
        CdiDevices cdi = CdiDevices.of(config, node.cdi(), resolved);
        ContainerUser user = cdi.join(resolved);
        UserMapping mapping = pod.users();
        if (mapping != null) {
            mapping.covers("container " + config.getMetadata().getName(), user);
        }
        String hostname = pod.hostNetwork() ? node.host().hostname() : PodSpecs.hostname(pod.config(), node.host());
        ProcessSpec.Builder process = ProcessSpec.builder(CommandLine.arguments(config, image.config()))
                .environment(
                        CommandLine.environment(config, image.config(), hostname, user.home(), cdi.environment())
                                .stream()
                                .map(ByteString::toByteArray)
                                .toList())
                .workingDirectory(CommandLine.workingDirectory(config, image.config()))
                .user(user)
                .rlimits(ContainerRlimits.of(pod.config(), config, node.host().openFiles()))
                .oomScoreAdjust((int) config.getLinux().getResources().getOomScoreAdj(), true)
                .terminal(config.getTty());
        security.apply(process, config);
        ContainerDevices devices = ContainerDevices.of(config, cdi, mapping != null);
        return new Plan(
                id,
                process.build(),
                mounts.build(id, pod, config, images, devices.nodes(), cdi.mounts()),
                namespaces(pod, context),
                resources(config.getLinux().getResources(), devices),
                !config.getStdin()
                        ? ContainerSpec.Stdin.NONE
                        : config.getStdinOnce() ? ContainerSpec.Stdin.ONCE : ContainerSpec.Stdin.OPEN,
                log(pod, config),
                node.layout().exit(id),
                StopSignals.of(config, image.config()));
    }

    private static @Nullable Path log(Pod pod, ContainerConfig config) {
        String folder = pod.config().getLogDirectory();
        return folder.isEmpty() || config.getLogPath().isEmpty()
                ? null
                : Path.of(folder).resolve(config.getLogPath()).normalize();
    }

    private List<NamespaceUse> namespaces(Pod pod, LinuxContainerSecurityContext context) throws CriException {
        NamespaceOption options = context.getNamespaceOptions();
        List<NamespaceUse> uses = new ArrayList<>();
        // Network, IPC and UTS are the pod's, whatever a container says: they are shared by definition.
        uses.add(pod.hostNetwork() ? NamespaceUse.host(Namespace.NET) : NamespaceUse.pod(Namespace.NET));
        uses.add(pod.hostNetwork() ? NamespaceUse.host(Namespace.UTS) : NamespaceUse.pod(Namespace.UTS));
        uses.add(pod.hostIpc() ? NamespaceUse.host(Namespace.IPC) : NamespaceUse.pod(Namespace.IPC));
        uses.add(pid(pod, options));
        if (pod.users() != null) {
            uses.add(NamespaceUse.pod(Namespace.USER));
        }
        uses.add(context.getPrivileged() ? NamespaceUse.host(Namespace.CGROUP) : NamespaceUse.own(Namespace.CGROUP));
        return List.copyOf(uses);
    }

    private NamespaceUse pid(Pod pod, NamespaceOption options) throws CriException {
        return switch (options.getPid()) {
            case POD -> pod.sharedPid() ? NamespaceUse.pod(Namespace.PID) : NamespaceUse.own(Namespace.PID);
            case CONTAINER -> NamespaceUse.own(Namespace.PID);
            case NODE -> NamespaceUse.host(Namespace.PID);
            case TARGET -> {
                Container target = node.containers().require(options.getTargetId());
                if (!target.podId().equals(pod.id()) || !target.state().isRunning()) {
                    throw CriException.precondition("namespace_options.target_id: container " + options.getTargetId()
                            + " does not run in pod " + pod.id());
                }
                yield NamespaceUse.container(Namespace.PID, target.id());
            }
            case UNRECOGNIZED -> throw CriException.invalid("namespace_options.pid: unknown mode");
        };
    }

    private static Resources resources(LinuxContainerResources wanted, ContainerDevices devices) {
        return limits(wanted).devices(devices.rules()).build();
    }

    /** The limits of the CRI; what is zero or empty there is left alone. */
    static Resources.Builder limits(LinuxContainerResources wanted) {
        Map<String, Long> hugepages = new HashMap<>();
        for (HugepageLimit limit : wanted.getHugepageLimitsList()) {
            hugepages.put(limit.getPageSize(), limit.getLimit());
        }
        // Like the other runtimes: a limit of memory alone is one of memory and swap together, so that nothing is
        // swapped unasked.
        long memory = wanted.getMemoryLimitInBytes();
        long swap = wanted.getMemorySwapLimitInBytes();
        return Resources.builder()
                .cpuShares(wanted.getCpuShares())
                .cpuQuota(wanted.getCpuQuota())
                .cpuPeriod(wanted.getCpuPeriod())
                .memoryLimit(memory)
                .memorySwapLimit(swap == 0 && memory > 0 ? memory : swap)
                .cpusetCpus(wanted.getCpusetCpus())
                .cpusetMems(wanted.getCpusetMems())
                .hugepages(hugepages)
                .unified(wanted.getUnifiedMap());
    }
}
