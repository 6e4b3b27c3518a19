package io.gantry.sandbox;

import java.util.ArrayList;
import java.util.List;

/** Paths of cgroups from the top of a hierarchy, as each driver spells them. */
final class CgroupPaths {
    private CgroupPaths() {}

    /** The folder of a group: without a leading slash, empty for the top. */
    static String resolve(Cgroups.Driver driver, String parent, String leaf) throws SandboxException {
        String folder = switch (driver) {
            case CGROUPFS -> clean(parent);
            case SYSTEMD -> {
                String clean = clean(parent);
                yield clean.isEmpty() ? "system.slice" : expandSlice(clean.substring(clean.lastIndexOf('/') + 1));
            }
        };
        if (leaf.isEmpty()) {
            return folder;
        }
        if (leaf.contains("/") || leaf.equals(".") || leaf.equals("..")) {
            throw invalid(leaf);
        }
        return folder.isEmpty() ? leaf : folder + "/" + leaf;
    }

    /** {@code a-b-c.slice} is {@code a.slice/a-b.slice/a-b-c.slice} (systemd.slice(5)); {@code -.slice} is the top. */
    static String expandSlice(String slice) throws SandboxException {
        if (!slice.endsWith(".slice")) {
            throw new SandboxException(
                    SandboxException.Kind.INVALID,
                    "the cgroup parent '" + slice + "' is not a slice, as the systemd driver wants it");
        }
        String stem = slice.substring(0, slice.length() - ".slice".length());
        if (stem.equals("-")) {
            return "";
        }
        List<String> folders = new ArrayList<>();
        int dash = stem.indexOf('-');
        while (dash >= 0) {
            folders.add(stem.substring(0, dash) + ".slice");
            dash = stem.indexOf('-', dash + 1);
        }
        if (stem.startsWith("-") || stem.endsWith("-") || stem.contains("--") || stem.isEmpty()) {
            throw invalid(slice);
        }
        folders.add(slice);
        return String.join("/", folders);
    }

    private static String clean(String path) throws SandboxException {
        List<String> parts = new ArrayList<>();
        for (String part : path.split("/", -1)) {
            if (part.equals("..") || part.indexOf('\n') >= 0) {
                throw invalid(path);
            }
            if (!part.isEmpty() && !part.equals(".")) {
                parts.add(part);
            }
        }
        return String.join("/", parts);
    }

    private static SandboxException invalid(String path) {
        return new SandboxException(SandboxException.Kind.INVALID, "'" + path + "' is not a path of a cgroup");
    }
}
