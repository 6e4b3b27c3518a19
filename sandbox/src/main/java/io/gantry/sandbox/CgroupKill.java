package io.gantry.sandbox;

import io.gantry.linux.Errno;
import io.gantry.linux.LinuxException;
import io.gantry.linux.Pidfd;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Ends all processes of a group, and groups themselves. */
final class CgroupKill {
    private static final int SIGKILL = 9;
    private static final int ROUNDS = 100;

    private CgroupKill() {}

    /** SIGKILL to all in a group and below; where the kernel cannot do it as one, until no new process appears. */
    static void kill(Path group) throws SandboxException {
        try {
            Path file = group.resolve("cgroup.kill");
            if (Files.exists(file)) {
                CgroupFiles.write(file, "1");
                return;
            }
            Set<Long> killed = new HashSet<>();
            for (int round = 0; round < ROUNDS; round++) {
                List<Long> found = CgroupFiles.processes(group);
                if (killed.containsAll(found)) {
                    return;
                }
                for (Long pid : found) {
                    if (pid != 0 && killed.add(pid)) {
                        kill(pid);
                    }
                }
            }
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL, "the processes of cgroup " + group + " fork faster than they die");
        } catch (LinuxException e) {
            if (e.errno() != Errno.ENOENT && e.errno() != Errno.ENODEV) {
                throw new SandboxException(
                        SandboxException.Kind.INTERNAL, "cannot kill cgroup " + group + ": " + e.getMessage(), e);
            }
        }
    }

    private static void kill(long pid) throws LinuxException {
        try (Pidfd process = Pidfd.open(pid)) {
            process.sendSignal(SIGKILL);
        } catch (LinuxException e) {
            if (e.errno() != Errno.ESRCH) {
                throw e;
            }
        }
    }

    /** Kills and removes groups, the same in several hierarchies. All are tried; the first failure is told. */
    static void remove(String path, List<Path> groups, Path killFolder) throws SandboxException {
        LinuxException failure = null;
        boolean killed = false;
        for (Path group : groups) {
            try {
                if (!killed && !CgroupFiles.processes(group).isEmpty()) {
                    kill(killFolder);
                    killed = true;
                }
                CgroupFiles.remove(group);
            } catch (LinuxException e) {
                failure = failure == null ? e : failure;
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new SandboxException(
                        SandboxException.Kind.INTERNAL, "interrupted while removing cgroup " + path, e);
            }
        }
        if (failure != null) {
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL,
                    "cannot remove cgroup " + path + ": " + failure.getMessage(),
                    failure);
        }
    }
}
