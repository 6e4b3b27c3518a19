package io.gantry.daemon;

import io.gantry.cni.Cni;
import io.gantry.cni.CniConfig;
import io.gantry.cni.CniStatus;
import io.gantry.linux.Directory;
import io.gantry.linux.KernelProbes;
import io.gantry.sandbox.AppArmor;
import io.gantry.sandbox.Cgroups;
import io.gantry.sandbox.SandboxException;
import io.gantry.sandbox.Shims;
import io.gantry.sandbox.UserNamespaceSupport;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** {@code gantry check}: names each thing that this machine lacks, with its remedy. What is found is found by doing, not by versions. */
final class MachineCheck {
    private final DaemonConfig config;
    private int missing;

    MachineCheck(DaemonConfig config) {
        this.config = config;
    }

    /** Prints a line a finding; true if nothing that pods need is missing. */
    boolean run(PrintStream out) throws IOException {
        if (!isRoot()) {
            line(out, false, "root", "gantry makes namespaces and mounts: run it as root");
            return false;
        }
        line(
                out,
                Files.isExecutable(config.shim()),
                "shim " + config.shim(),
                "set shim to the gantry-shim of this distribution");
        line(out, KernelProbes.openat2(), "openat2", "Linux 5.6 or later, and no seccomp filter that refuses it");
        line(
                out,
                KernelProbes.mountSetattr(),
                "mount_setattr",
                "Linux 5.12 or later, and no seccomp filter that refuses it");
        line(
                out,
                KernelProbes.overlay(),
                "overlay file system",
                "modprobe overlay, or a kernel with CONFIG_OVERLAY_FS");
        cgroups(out);
        userNamespaces(out);
        tool(out, "iptables", "apt-get install iptables (the portmap plugin calls it)");
        apparmor(out);
        network(out);
        out.println(missing == 0 ? "nothing is missing" : missing + " missing");
        return missing == 0;
    }

    private void cgroups(PrintStream out) {
        try {
            Cgroups cgroups = Cgroups.detect(Daemon.driver(config.cgroup().driver()));
            line(
                    out,
                    true,
                    "cgroup v" + cgroups.version() + ", driver "
                            + cgroups.driver().name().toLowerCase(Locale.ROOT),
                    "");
        } catch (SandboxException e) {
            line(out, false, "cgroups", "mount a cgroup file system at /sys/fs/cgroup: " + e.getMessage());
        }
    }

    /** Only pods with hostUsers: false want them, so they are not counted as missing. */
    private void userNamespaces(PrintStream out) throws IOException {
        Path place = config.root().toAbsolutePath();
        while (!Files.isDirectory(place) && place.getParent() != null) {
            place = place.getParent();
        }
        Path folder = Files.createTempDirectory(place, ".gantry-check-");
        UserNamespaceSupport support;
        try (Directory above = Directory.open(place)) {
            support = new Shims(config.shim()).probeUserNamespaces(folder);
            above.deleteTree(folder.getFileName().toString());
        }
        if (support.pods() && support.inHostNetwork()) {
            line(out, true, "user namespaces for pods", "");
        } else {
            out.println("without  user namespaces for pods" + (support.pods() ? " in the host's network" : "") + ": "
                    + support.missing());
        }
    }

    /** A kernel without it is no lack; one with it, and nothing to load the default profile with, is. */
    private void apparmor(PrintStream out) {
        AppArmor apparmor = new AppArmor(config.run().resolve("apparmor-profile"));
        if (apparmor.enabled()) {
            line(
                    out,
                    apparmor.parser().isPresent(),
                    "AppArmor",
                    "apt-get install apparmor (the default profile is loaded with apparmor_parser)");
        }
    }

    private void network(PrintStream out) {
        CniStatus status = new Cni(new CniConfig(
                        List.of(config.cni().confDir()),
                        config.cni().binDirs(),
                        config.root().resolve("cni"),
                        config.cni().timeout()))
                .status();
        line(
                out,
                status.ready(),
                "pod network",
                status.message() + "; apt-get install containernetworking-plugins and put a conflist into "
                        + config.cni().confDir());
        status.loadErrors().forEach(error -> out.println("          " + error));
    }

    private void tool(PrintStream out, String name, String remedy) {
        boolean found = List.of("/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin").stream()
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, name)));
        line(out, found, name, remedy);
    }

    private void line(PrintStream out, boolean found, String what, String remedy) {
        if (found) {
            out.println("ok       " + what);
        } else {
            missing++;
            out.println("missing  " + what + ": " + remedy);
        }
    }

    private static boolean isRoot() throws IOException {
        return ((Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid")) == 0;
    }
}
