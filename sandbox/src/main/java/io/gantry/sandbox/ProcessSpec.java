package io.gantry.sandbox;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A process of a container: its init or an exec. Made by {@link #builder}.
 *
 * @param arguments the first is looked up in the PATH of the environment unless it has a slash
 * @param environment NAME=VALUE as bytes
 * @param workingDirectory a path inside the container
 * @param oomScoreAdjust -1000 to 1000, null leaves what the shim has
 * @param oomScoreBestEffort where the kernel refuses to lower the score, it stays
 * @param seccomp null for unconfined
 * @param apparmor the name of a loaded profile
 * @param selinux a label
 * @param size of the terminal, null for the kernel's default
 */
public record ProcessSpec(
        List<String> arguments,
        List<byte[]> environment,
        String workingDirectory,
        ContainerUser user,
        int umask,
        CapabilitySets capabilities,
        boolean noNewPrivileges,
        List<Rlimit> rlimits,
        @Nullable Integer oomScoreAdjust,
        boolean oomScoreBestEffort,
        @Nullable SeccompFilter seccomp,
        @Nullable String apparmor,
        @Nullable String selinux,
        boolean terminal,
        @Nullable TerminalSize size) {
    /** Width and height in characters. */
    public record TerminalSize(int width, int height) {}

    /** A process of root in / with umask 022 and nothing else. */
    public static Builder builder(List<String> arguments) {
        return new Builder(arguments);
    }

    /** The same with other things set: an exec differs from its container's init in a few. */
    public Builder toBuilder() {
        Builder builder = new Builder(arguments);
        builder.environment = environment;
        builder.workingDirectory = workingDirectory;
        builder.user = user;
        builder.umask = umask;
        builder.capabilities = capabilities;
        builder.noNewPrivileges = noNewPrivileges;
        builder.rlimits = rlimits;
        builder.oomScoreAdjust = oomScoreAdjust;
        builder.oomScoreBestEffort = oomScoreBestEffort;
        builder.seccomp = seccomp;
        builder.apparmor = apparmor;
        builder.selinux = selinux;
        builder.terminal = terminal;
        builder.size = size;
        return builder;
    }

    void write(Records records) {
        arguments.forEach(argument -> records.add("arg", argument));
        environment.forEach(variable -> records.addBytes("env", variable));
        records.add("cwd", workingDirectory);
        records.add("user", Integer.toUnsignedString(user.uid()), Integer.toUnsignedString(user.gid()));
        user.groups().forEach(group -> records.add("group", Integer.toUnsignedString(group)));
        records.add("umask", Records.octal(umask));
        capabilities.write(records);
        if (noNewPrivileges) {
            records.add("nnp");
        }
        rlimits.forEach(rlimit -> rlimit.write(records));
        if (oomScoreAdjust != null) {
            records.add(oomScoreBestEffort ? "oomscore-try" : "oomscore", oomScoreAdjust);
        }
        if (seccomp != null) {
            records.addHex("seccomp", Records.flags(seccomp.flags()), seccomp.program());
        }
        if (apparmor != null) {
            records.add("apparmor", apparmor);
        }
        if (selinux != null) {
            records.add("selinux", selinux);
        }
        if (terminal) {
            records.add("tty");
            if (size != null) {
                records.add("size", size.width(), size.height());
            }
        }
    }

    /** Collects a {@link ProcessSpec}. */
    public static final class Builder {
        private List<String> arguments;
        private List<byte[]> environment = List.of();
        private String workingDirectory = "/";
        private ContainerUser user = ContainerUser.ROOT;
        private int umask = 022;
        private CapabilitySets capabilities = CapabilitySets.NONE;
        private boolean noNewPrivileges;
        private List<Rlimit> rlimits = List.of();
        private @Nullable Integer oomScoreAdjust;
        private boolean oomScoreBestEffort;
        private @Nullable SeccompFilter seccomp;
        private @Nullable String apparmor;
        private @Nullable String selinux;
        private boolean terminal;
        private @Nullable TerminalSize size;

        private Builder(List<String> arguments) {
            this.arguments = List.copyOf(arguments);
        }

        public Builder arguments(List<String> value) {
            arguments = List.copyOf(value);
            return this;
        }

        /** NAME=VALUE as bytes, which need not be UTF-8. */
        public Builder environment(List<byte[]> value) {
            environment = List.copyOf(value);
            return this;
        }

        /** NAME=VALUE. */
        public Builder environmentText(List<String> value) {
            environment = value.stream()
                    .map(variable -> variable.getBytes(StandardCharsets.UTF_8))
                    .toList();
            return this;
        }

        public Builder workingDirectory(String value) {
            workingDirectory = value;
            return this;
        }

        public Builder user(ContainerUser value) {
            user = value;
            return this;
        }

        public Builder umask(int value) {
            umask = value;
            return this;
        }

        public Builder capabilities(CapabilitySets value) {
            capabilities = value;
            return this;
        }

        public Builder noNewPrivileges(boolean value) {
            noNewPrivileges = value;
            return this;
        }

        public Builder rlimits(List<Rlimit> value) {
            rlimits = List.copyOf(value);
            return this;
        }

        /** -1000 to 1000; with bestEffort a refused lowering is no error. */
        public Builder oomScoreAdjust(@Nullable Integer value, boolean bestEffort) {
            oomScoreAdjust = value;
            oomScoreBestEffort = bestEffort;
            return this;
        }

        public Builder seccomp(@Nullable SeccompFilter value) {
            seccomp = value;
            return this;
        }

        public Builder apparmor(@Nullable String value) {
            apparmor = value;
            return this;
        }

        public Builder selinux(@Nullable String value) {
            selinux = value;
            return this;
        }

        public Builder terminal(boolean value) {
            terminal = value;
            return this;
        }

        public Builder size(@Nullable TerminalSize value) {
            size = value;
            return this;
        }

        public ProcessSpec build() {
            return new ProcessSpec(
                    arguments,
                    environment,
                    workingDirectory,
                    user,
                    umask,
                    capabilities,
                    noNewPrivileges,
                    rlimits,
                    oomScoreAdjust,
                    oomScoreBestEffort,
                    seccomp,
                    apparmor,
                    selinux,
                    terminal,
                    size);
        }
    }
}
