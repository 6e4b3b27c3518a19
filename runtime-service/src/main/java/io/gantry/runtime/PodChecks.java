package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.LinuxSandboxSecurityContext;
import io.gantry.cri.v1.NamespaceMode;
import io.gantry.cri.v1.NamespaceOption;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.cri.v1.PodSandboxMetadata;
import java.util.Map;
import java.util.regex.Pattern;

/** What is wrong with a pod can be told before anything of it is made. */
final class PodChecks {
    /** hostname(7): the kernel holds 64 bytes. */
    private static final int MAX_HOSTNAME = 64;

    private static final Pattern SYSCTL = Pattern.compile("[A-Za-z0-9_.\\-/]+");
    /** Characters that would break out of CNI_ARGS. */
    private static final Pattern UNSAFE = Pattern.compile("[;=\\p{Cntrl}]");

    private PodChecks() {}

    static void check(PodSandboxConfig config, String handler, String knownHandler) throws CriException {
        if (!config.hasMetadata() || config.getMetadata().getName().isEmpty()) {
            throw CriException.invalid("pod sandbox: metadata.name is missing");
        }
        PodSandboxMetadata metadata = config.getMetadata();
        String what = "pod sandbox " + metadata.getName();
        for (String part : new String[] {metadata.getName(), metadata.getNamespace(), metadata.getUid()}) {
            if (UNSAFE.matcher(part).find()) {
                throw CriException.invalid(what + ": metadata has a ';', a '=' or a control character in it");
            }
        }
        if (!handler.isEmpty() && !handler.equals(knownHandler)) {
            throw CriException.invalid(
                    what + ": no runtime handler \"" + handler + "\" (there is \"" + knownHandler + "\")");
        }
        if (config.getHostname().length() > MAX_HOSTNAME
                || UNSAFE.matcher(config.getHostname()).find()) {
            throw CriException.invalid(
                    what + ": hostname \"" + config.getHostname() + "\" is not usable (at most 64 bytes)");
        }
        if (!config.getLogDirectory().isEmpty() && !config.getLogDirectory().startsWith("/")) {
            throw CriException.invalid(what + ": log_directory must be absolute");
        }
        LinuxSandboxSecurityContext security = config.getLinux().getSecurityContext();
        if (security.hasRunAsGroup() && !security.hasRunAsUser()) {
            throw CriException.invalid(what + ": run_as_group is given without run_as_user");
        }
        namespaces(what, security.getNamespaceOptions());
        sysctls(what, config);
        PodFiles.checkDns(config.getDnsConfig());
        PodNetwork.capabilities(config);
    }

    private static void namespaces(String what, NamespaceOption options) throws CriException {
        if (options.getNetwork() != NamespaceMode.POD && options.getNetwork() != NamespaceMode.NODE) {
            throw CriException.invalid(what + ": the network namespace is POD or NODE, not " + options.getNetwork());
        }
        if (options.getIpc() != NamespaceMode.POD && options.getIpc() != NamespaceMode.NODE) {
            throw CriException.invalid(what + ": the IPC namespace is POD or NODE, not " + options.getIpc());
        }
        UserMapping.of(what, options);
    }

    private static void sysctls(String what, PodSandboxConfig config) throws CriException {
        boolean hostNetwork =
                config.getLinux().getSecurityContext().getNamespaceOptions().getNetwork() == NamespaceMode.NODE;
        boolean hostIpc =
                config.getLinux().getSecurityContext().getNamespaceOptions().getIpc() == NamespaceMode.NODE;
        for (Map.Entry<String, String> sysctl :
                config.getLinux().getSysctlsMap().entrySet()) {
            String name = PodSpecs.sysctlPath(sysctl.getKey());
            boolean net = name.startsWith("net/");
            boolean ipc = name.startsWith("kernel/shm")
                    || name.startsWith("kernel/msg")
                    || name.equals("kernel/sem")
                    || name.startsWith("fs/mqueue/");
            boolean uts = name.equals("kernel/domainname");
            if (!SYSCTL.matcher(name).matches() || name.contains("..")) {
                throw CriException.invalid(what + ": \"" + sysctl.getKey() + "\" is not the name of a sysctl");
            }
            if (!net && !ipc && !uts) {
                throw CriException.invalid(
                        what + ": sysctl " + sysctl.getKey() + " is not namespaced: it would change the whole machine");
            }
            if (((net || uts) && hostNetwork) || (ipc && hostIpc)) {
                throw CriException.invalid(what + ": sysctl " + sysctl.getKey()
                        + " is not allowed: the pod shares that namespace with the host");
            }
        }
    }
}
