package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.Capability;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.LinuxContainerSecurityContext;
import io.gantry.sandbox.AppArmor;
import io.gantry.sandbox.Capabilities;
import io.gantry.sandbox.CapabilitySets;
import io.gantry.sandbox.ProcessSpec;
import io.gantry.sandbox.SandboxException;
import io.gantry.sandbox.Seccomp;
import io.gantry.sandbox.SeccompFilter;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What a container's processes may do: capabilities, seccomp, AppArmor, no_new_privs. */
final class ContainerSecurity {
    private static final String LOCALHOST = "localhost/";
    private final Path profiles;
    private final AppArmor apparmor;
    private final Seccomp seccomp = new Seccomp();

    ContainerSecurity(Path profiles, AppArmor apparmor) {
        this.profiles = profiles;
        this.apparmor = apparmor;
    }

    /** Compiles what nearly every container wants, so that the first one does not wait for it (a tenth of a second on a cold JVM). */
    void warmUp() throws SandboxException {
        seccomp.runtimeDefault(Capabilities.defaults());
    }

    void apply(ProcessSpec.Builder process, ContainerConfig config) throws CriException, SandboxException {
        LinuxContainerSecurityContext security = config.getLinux().getSecurityContext();
        CapabilitySets capabilities = capabilities(security);
        process.capabilities(capabilities)
                .noNewPrivileges(security.getNoNewPrivs())
                // A privileged container is not confined, whatever profile it names (as every CRI runtime does).
                .seccomp(security.getPrivileged() ? null : filter(config, security, capabilities))
                .apparmor(appArmor(config, security));
    }

    private static CapabilitySets capabilities(LinuxContainerSecurityContext security) throws SandboxException {
        if (security.getPrivileged()) {
            return Capabilities.privileged();
        }
        Capability wanted = security.getCapabilities();
        return Capabilities.of(
                wanted.getAddCapabilitiesList(),
                wanted.getDropCapabilitiesList(),
                wanted.getAddAmbientCapabilitiesList());
    }

    private @Nullable SeccompFilter filter(
            ContainerConfig config, LinuxContainerSecurityContext security, CapabilitySets capabilities)
            throws CriException, SandboxException {
        if (security.hasSeccomp()) {
            return switch (security.getSeccomp().getProfileType()) {
                case RuntimeDefault -> seccomp.runtimeDefault(capabilities.bounding());
                case Unconfined -> null;
                case Localhost -> localhost(config, security.getSeccomp().getLocalhostRef(), capabilities);
                case UNRECOGNIZED -> throw CriException.invalid("seccomp: unknown kind of profile");
            };
        }
        return deprecated(config, seccompProfilePath(security), capabilities);
    }

    @SuppressWarnings("deprecation") // older kubelets know only this field
    private static String seccompProfilePath(LinuxContainerSecurityContext security) {
        return security.getSeccompProfilePath();
    }

    private @Nullable SeccompFilter deprecated(ContainerConfig config, String profile, CapabilitySets capabilities)
            throws CriException, SandboxException {
        return switch (profile) {
            // Nothing said is unconfined; the kubelet says so by its seccompDefault.
            case "", "unconfined" -> null;
            case "runtime/default", "docker/default" -> seccomp.runtimeDefault(capabilities.bounding());
            default -> {
                if (!profile.startsWith(LOCALHOST)) {
                    throw CriException.invalid(
                            "container " + config.getMetadata().getName() + ": seccomp_profile_path \"" + profile
                                    + "\" is none of runtime/default, unconfined, localhost/FILE");
                }
                yield localhost(config, profile, capabilities);
            }
        };
    }

    private SeccompFilter localhost(ContainerConfig config, String reference, CapabilitySets capabilities)
            throws CriException, SandboxException {
        String name = unprefixed(reference);
        Path file = profiles.resolve(name);
        String what = "container " + config.getMetadata().getName() + ": seccomp profile " + file;
        if (name.isEmpty()) {
            throw CriException.invalid(what + ": no file is named");
        }
        try {
            return seccomp.localhost(file, capabilities.bounding());
        } catch (SandboxException e) {
            throw Failures.of(what, e);
        }
    }

    /** The name of a loaded profile, or null for no confinement. To say nothing is to ask for the default. */
    private @Nullable String appArmor(ContainerConfig config, LinuxContainerSecurityContext security)
            throws CriException {
        if (security.getPrivileged()) {
            return null;
        }
        String what = "container " + config.getMetadata().getName();
        try {
            if (!security.hasApparmor()) {
                return deprecatedAppArmor(what, appArmorProfile(security));
            }
            return switch (security.getApparmor().getProfileType()) {
                case RuntimeDefault -> apparmor.runtimeDefault().orElse(null);
                case Unconfined -> null;
                case Localhost ->
                    apparmor.require(unprefixed(security.getApparmor().getLocalhostRef()));
                case UNRECOGNIZED -> throw CriException.invalid(what + ": apparmor: unknown kind of profile");
            };
        } catch (SandboxException e) {
            throw Failures.of(what, e);
        }
    }

    private @Nullable String deprecatedAppArmor(String what, String profile) throws CriException, SandboxException {
        return switch (profile) {
            case "", "runtime/default" -> apparmor.runtimeDefault().orElse(null);
            case "unconfined" -> null;
            default -> {
                if (!profile.startsWith(LOCALHOST)) {
                    throw CriException.invalid(what + ": apparmor_profile \"" + profile
                            + "\" is none of runtime/default, unconfined, localhost/NAME");
                }
                yield apparmor.require(unprefixed(profile));
            }
        };
    }

    private static String unprefixed(String reference) {
        return reference.startsWith(LOCALHOST) ? reference.substring(LOCALHOST.length()) : reference;
    }

    @SuppressWarnings("deprecation") // older kubelets know only this field
    private static String appArmorProfile(LinuxContainerSecurityContext security) {
        return security.getApparmorProfile();
    }
}
