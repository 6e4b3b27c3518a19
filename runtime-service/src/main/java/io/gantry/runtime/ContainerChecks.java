package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.LinuxContainerSecurityContext;

/** What is wrong with a container can be told before anything of it is made. */
final class ContainerChecks {
    private ContainerChecks() {}

    static void check(Pod pod, ContainerConfig config) throws CriException {
        if (!config.hasMetadata() || config.getMetadata().getName().isEmpty()) {
            throw CriException.invalid("container: metadata.name is missing");
        }
        String what = "container " + config.getMetadata().getName();
        if (!pod.state().isReady()) {
            throw CriException.precondition(what + ": pod " + pod.id() + " is not ready");
        }
        LinuxContainerSecurityContext security = config.getLinux().getSecurityContext();
        if (security.hasRunAsGroup()
                && !security.hasRunAsUser()
                && security.getRunAsUsername().isEmpty()) {
            throw CriException.invalid(what + ": run_as_group is given without run_as_user or run_as_username");
        }
        if (security.getPrivileged()
                && !pod.config().getLinux().getSecurityContext().getPrivileged()) {
            throw CriException.invalid(what + ": a privileged container needs a privileged pod sandbox");
        }
        UserMapping.same(what, security.getNamespaceOptions(), pod.users());
        if (config.getStdinOnce() && !config.getStdin()) {
            throw CriException.invalid(what + ": stdin_once is given without stdin");
        }
        String log = config.getLogPath();
        if (log.startsWith("/") || ("/" + log + "/").contains("/../")) {
            throw CriException.invalid(what + ": log_path \"" + log + "\" must stay below the pod's log_directory");
        }
    }
}
