package io.gantry.sandbox;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.gantry.linux.Errno;
import io.gantry.linux.Fd;
import io.gantry.linux.LinuxException;
import io.gantry.linux.OpenFlags;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/** Compiles seccomp profiles to filters for this machine. Safe for several threads. */
public final class Seccomp {
    private static final int LIMIT = 4 << 20;

    private final Architecture architecture;
    private final ConcurrentMap<Long, SeccompFilter> defaults = new ConcurrentHashMap<>();
    private final long relevant;

    public Seccomp() {
        this(Architecture.here());
    }

    Seccomp(Architecture architecture) {
        this.architecture = architecture;
        this.relevant = SeccompDefault.relevantCapabilities();
    }

    /**
     * The profile that Docker and containerd use by default. Compiled once for each set of capabilities that makes a difference.
     *
     * @param capabilities the bounding set of the container: some calls are allowed with a capability only
     */
    public SeccompFilter runtimeDefault(long capabilities) throws SandboxException {
        long key = capabilities & relevant;
        SeccompFilter filter = defaults.get(key);
        if (filter == null) {
            filter = compile(SeccompDefault.profile(key, architecture));
            defaults.put(key, filter);
        }
        return filter;
    }

    /**
     * A profile in Docker's or the OCI's JSON format.
     *
     * @param capabilities as for the default profile
     * @throws SandboxException NOT_FOUND without the file, INVALID with what is wrong in it
     */
    public SeccompFilter localhost(Path profile, long capabilities) throws SandboxException {
        try (Fd file = Fd.open(profile, OpenFlags.RDONLY | OpenFlags.NONBLOCK, 0)) {
            return localhost(file.readAll(LIMIT), capabilities);
        } catch (LinuxException e) {
            boolean missing = e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR;
            throw new SandboxException(
                    missing ? SandboxException.Kind.NOT_FOUND : SandboxException.Kind.INVALID,
                    "cannot read the seccomp profile " + profile + ": " + e.getMessage(),
                    e);
        } catch (SandboxException e) {
            throw new SandboxException(e.kind(), profile + ": " + e.getMessage(), e);
        }
    }

    SeccompFilter localhost(byte[] json, long capabilities) throws SandboxException {
        try {
            String kernel = CgroupFiles.read(Path.of("/proc/sys/kernel/osrelease"));
            SeccompJson reader = new SeccompJson(architecture, capabilities, kernel);
            return compile(reader.profile(new ObjectMapper().readTree(json)));
        } catch (JacksonException e) {
            throw new SandboxException(
                    SandboxException.Kind.INVALID, "the seccomp profile is not JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL, "cannot read the seccomp profile: " + e.getMessage(), e);
        }
    }

    private SeccompFilter compile(SeccompProfile profile) throws SandboxException {
        return new SeccompFilter(SeccompCompiler.compile(profile, architecture), profile.flags());
    }
}
