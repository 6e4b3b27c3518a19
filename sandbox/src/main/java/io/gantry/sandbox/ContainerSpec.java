package io.gantry.sandbox;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A container as the shim makes it.
 *
 * @param exitFile where the shim writes the exit status
 * @param log the CRI log file; null drops the output
 * @param namespaces one for each kind that is not the host's
 * @param rootfs executed in this order; begins with an Overlay
 */
public record ContainerSpec(
        String id,
        ProcessSpec process,
        CgroupPlacement cgroup,
        Path exitFile,
        @Nullable Path log,
        Stdin stdin,
        List<NamespaceUse> namespaces,
        List<RootfsOp> rootfs) {
    /** What the init's standard input is. */
    public enum Stdin {
        /** /dev/null. */
        NONE,
        /** A pipe that stays open with nobody attached. */
        OPEN,
        /** A pipe that closes when the first attached client closes it or leaves. */
        ONCE
    }

    /** The payload of CREATE. */
    public byte[] encode() {
        Records records = new Records().add("id", id);
        process.write(records);
        cgroup.write(records);
        records.add("exitfile", exitFile);
        if (log != null) {
            records.add("log", log);
        }
        switch (stdin) {
            case NONE -> {}
            case OPEN -> records.add("stdin", "open");
            case ONCE -> records.add("stdin", "once");
        }
        namespaces.forEach(use -> records.add("ns", use.kind().word(), use.where()));
        records.addAll(RootfsOp.encode(rootfs));
        return records.toBytes();
    }

    /** The fields of {@link #encode}, a line each: for golden files and diagnosis. */
    public List<String> lines() {
        return Records.fields(encode());
    }
}
