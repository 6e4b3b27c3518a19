package io.gantry.sandbox;

import io.gantry.linux.LinuxException;
import io.gantry.sandbox.dbus.Value.Property;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A group of version 2 that is a unit of systemd's: a container's scope, or the slice above. Systemd makes it and removes it, a scope as soon as it has no process. The files are
 * read and written here, since they take what properties cannot say and tell why they refuse a value.
 */
final class SystemdGroup implements Cgroup {
    /** How long systemd gets to see by itself that a scope has become empty. */
    private static final int PATIENCE_MILLIS = 60;

    /** Whatever property is set, systemd writes all these from what it knows: rounded, or its default for what it was not told. */
    private static final List<String> OVERWRITTEN = List.of(
            "cpu.weight",
            "cpu.max",
            "cpu.idle",
            "cpuset.cpus",
            "cpuset.mems",
            "io.weight",
            "memory.min",
            "memory.low",
            "memory.high",
            "memory.max",
            "memory.swap.max",
            "memory.zswap.max",
            "memory.zswap.writeback",
            "memory.oom.group",
            "pids.max");

    private final CgroupV2Group files;
    private final Systemd systemd;
    private final String unit;

    SystemdGroup(CgroupV2Group files, Systemd systemd) {
        this.files = files;
        this.systemd = systemd;
        this.unit = String.valueOf(files.folder().getFileName());
    }

    /**
     * Starts the scope and sets its limits. On failure nothing is left.
     *
     * @param first systemd makes no scope without one
     */
    void create(Path mount, FirstProcess first, Resources resources) throws SandboxException {
        Path slice = files.folder().getParent();
        if (!unit.endsWith(".scope") || slice == null) {
            throw new SandboxException(
                    SandboxException.Kind.INVALID, "cgroup " + path() + ": a scope's name ends in .scope");
        }
        String sliceName = slice.equals(mount) ? "-.slice" : String.valueOf(slice.getFileName());
        systemd.startScope(unit, UnitProperties.scope(unit, sliceName, first, resources));
        try {
            // Systemd does not know hugetlb, rdma and misc, and leaves them as they are.
            CgroupV2.enableControllers(mount, files.folder());
            files.apply(resources, new CgroupChange(false));
            files.restrictDevices(resources);
        } catch (LinuxException e) {
            undo();
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL, "cannot prepare cgroup " + path() + ": " + e.getMessage(), e);
        } catch (SandboxException e) {
            undo();
            throw e;
        }
    }

    private void undo() {
        try {
            remove();
        } catch (SandboxException e) {
            // Its first process ends soon, and the scope with it; the cause of all this is what the caller is told.
        }
    }

    @Override
    public String path() {
        return files.path();
    }

    @Override
    public CgroupPlacement placement() {
        return files.placement();
    }

    @Override
    public boolean exists() {
        return files.exists();
    }

    @Override
    public void update(Resources resources) throws SandboxException {
        CgroupChange change = new CgroupChange(true);
        files.apply(resources, change);
        List<Property> properties = UnitProperties.limits(resources);
        if (properties.isEmpty()) {
            return;
        }
        try {
            Map<Path, String> kept = overwritten();
            systemd.setProperties(unit, properties);
            putBack(kept);
        } catch (SandboxException e) {
            change.undo();
            throw e;
        }
    }

    private Map<Path, String> overwritten() throws SandboxException {
        Map<Path, String> values = new LinkedHashMap<>();
        for (String name : OVERWRITTEN) {
            Path file = files.folder().resolve(name);
            String value = read(file);
            if (value != null) {
                values.put(file, value);
            }
        }
        return values;
    }

    private void putBack(Map<Path, String> values) throws SandboxException {
        for (Map.Entry<Path, String> entry : values.entrySet()) {
            if (!entry.getValue().equals(read(entry.getKey()))) {
                new CgroupChange(false).write(entry.getKey(), entry.getValue());
            }
        }
    }

    private @Nullable String read(Path file) throws SandboxException {
        try {
            return CgroupFiles.readIfExists(file);
        } catch (LinuxException e) {
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL, "cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    @Override
    public CgroupStats stats() throws SandboxException {
        return files.stats();
    }

    @Override
    public CgroupCounters counters() throws SandboxException {
        return files.counters();
    }

    @Override
    public long oomKills() {
        return files.oomKills();
    }

    @Override
    public void kill() throws SandboxException {
        files.kill();
    }

    @Override
    public void freeze(boolean frozen) throws SandboxException {
        files.freeze(frozen);
    }

    @Override
    public void remove() throws SandboxException {
        if (!exists()) {
            return;
        }
        kill();
        if (unit.endsWith(".scope") && goesByItself()) {
            return;
        }
        systemd.stop(unit);
        // What systemd does not know as a unit, such as a folder that a crash has left.
        files.remove();
    }

    private boolean goesByItself() throws SandboxException {
        try {
            for (int waited = 0, pause = 1; waited < PATIENCE_MILLIS; waited += pause, pause *= 2) {
                Thread.sleep(pause);
                if (!exists()) {
                    return true;
                }
            }
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL, "interrupted while removing cgroup " + path(), e);
        }
    }
}
