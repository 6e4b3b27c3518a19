package io.gantry.image.unpack;

import io.gantry.image.tar.TarFormatException;
import io.gantry.linux.Directory;
import java.util.ArrayList;
import java.util.List;

/**
 * A path of an archive in its simplest form, raw, relative to the layer's root.
 *
 * @param parent the folder, without slashes around it; empty for the root
 * @param name the last component; empty if the path is the root itself
 */
record LayerPath(String parent, String name) {
    private static final int NAME_MAX = 255;
    private static final int PATH_MAX = 4096;

    /**
     * Brings a path to its simplest form: "." and doubled slashes go, ".." takes a component away.
     *
     * @throws TarFormatException when it climbs above the root, or is too long for Linux
     */
    static LayerPath of(String path) throws TarFormatException {
        List<String> components = new ArrayList<>();
        int at = 0;
        while (at < path.length()) {
            int slash = path.indexOf('/', at);
            int end = slash < 0 ? path.length() : slash;
            String component = path.substring(at, end);
            at = end + 1;
            if (component.equals("..")) {
                if (components.isEmpty()) {
                    throw new TarFormatException(
                            "the archive's path \"" + Directory.text(path) + "\" leads out of the layer");
                }
                components.removeLast();
            } else if (!component.isEmpty() && !component.equals(".")) {
                if (component.length() > NAME_MAX) {
                    throw new TarFormatException("the archive has a name of " + component.length() + " bytes");
                }
                components.add(component);
            }
        }
        if (components.isEmpty()) {
            return new LayerPath("", "");
        }
        String name = components.removeLast();
        String parent = String.join("/", components);
        if (parent.length() + name.length() + 2 > PATH_MAX) {
            throw new TarFormatException("the archive has a path of " + path.length() + " bytes");
        }
        return new LayerPath(parent, name);
    }

    boolean isRoot() {
        return name.isEmpty();
    }

    /** Both parts together. */
    String whole() {
        return parent.isEmpty() ? name : parent + "/" + name;
    }

    @Override
    public String toString() {
        return Directory.text(whole());
    }
}
