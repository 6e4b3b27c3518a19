package io.gantry.runtime.cdi;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.gantry.json.JsonNodes;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Reads specification files, JSON or YAML by their names' endings. An IOException says what is wrong, but not in which file. */
final class SpecReader {
    /** The largest that are known have some hundred devices. */
    private static final int MAX_BYTES = 4 << 20;

    private static final long MAX_ID = 0xFFFF_FFFFL;

    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    private static final Pattern ENVIRONMENT = Pattern.compile("[^=]+=.*", Pattern.DOTALL);
    private static final Pattern PERMISSIONS = Pattern.compile("[rwm]{1,3}");

    /** Not loaded before there is a file in YAML. It is a stream of events: an alias stays a name, so that no document grows when it is read. */
    private static final class Yaml {
        private static final JsonFactory FACTORY = YAMLFactory.builder()
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .build();
    }

    private SpecReader() {}

    static boolean isSpec(Path file) {
        String name = String.valueOf(file.getFileName());
        return name.endsWith(".json") || name.endsWith(".yaml");
    }

    static CdiSpec read(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IOException("it is no regular file");
        }
        byte[] content;
        try (InputStream in = Files.newInputStream(file)) {
            content = in.readNBytes(MAX_BYTES + 1);
        }
        if (content.length > MAX_BYTES) {
            throw new IOException("it is longer than " + MAX_BYTES + " bytes");
        }
        return parse(file, content);
    }

    static CdiSpec parse(Path file, byte[] content) throws IOException {
        boolean json = String.valueOf(file.getFileName()).endsWith(".json");
        JsonNode tree = JsonNodes.read((json ? JSON : Yaml.FACTORY).createParser(content));
        SpecObject spec = new SpecObject("", tree);
        SpecVersion version = SpecVersion.parse(spec.required("cdiVersion"));
        String kind = spec.required("kind");
        QualifiedName.checkKind(kind);
        annotations(spec, version);
        ContainerEdits edits = edits(spec.object("containerEdits"), version);
        Map<String, ContainerEdits> devices = new LinkedHashMap<>();
        for (SpecObject device : spec.objects("devices")) {
            String name = device.required("name");
            QualifiedName.checkDevice(name);
            annotations(device, version);
            SpecObject deviceEdits = device.object("containerEdits");
            if (deviceEdits == null) {
                throw new IOException("device " + name + " has no containerEdits");
            }
            if (devices.put(name, edits(deviceEdits, version)) != null) {
                throw new IOException("device " + name + " stands there twice");
            }
            device.end();
        }
        spec.end();
        if (devices.isEmpty()) {
            throw new IOException("it has no devices");
        }
        return new CdiSpec(file, kind, edits, devices);
    }

    private static void annotations(SpecObject object, SpecVersion version) throws IOException {
        if (object.object("annotations") != null) {
            version.require(0, 6, "annotations");
        }
    }

    private static ContainerEdits edits(@Nullable SpecObject edits, SpecVersion version) throws IOException {
        if (edits == null) {
            return new ContainerEdits(List.of(), List.of(), List.of(), List.of(), List.of());
        }
        List<String> environment = edits.texts("env");
        for (String variable : environment) {
            if (!ENVIRONMENT.matcher(variable).matches()) {
                throw new IOException("env has \"" + variable + "\", which is not NAME=value");
            }
        }
        List<ContainerEdits.DeviceNode> nodes = new ArrayList<>();
        for (SpecObject node : edits.objects("deviceNodes")) {
            nodes.add(deviceNode(node, version));
        }
        List<ContainerEdits.Mount> mounts = new ArrayList<>();
        for (SpecObject mount : edits.objects("mounts")) {
            mounts.add(mount(mount, version));
        }
        List<String> unserved = unserved(edits, version);
        if (edits.has("additionalGids")) {
            version.require(0, 7, "additionalGids");
        }
        List<Long> groups = edits.numbers("additionalGids", MAX_ID);
        edits.end();
        return new ContainerEdits(environment, nodes, mounts, groups, unserved);
    }

    private static List<String> unserved(SpecObject edits, SpecVersion version) throws IOException {
        List<String> unserved = new ArrayList<>();
        for (SpecObject hook : edits.objects("hooks")) {
            unserved.add("the " + hook.required("hookName") + " hook " + hook.requiredPath("path"));
        }
        if (edits.has("intelRdt")) {
            version.require(0, 7, "intelRdt");
            unserved.add("intelRdt");
        }
        if (!edits.objects("netDevices").isEmpty()) {
            version.require(1, 1, "netDevices");
            unserved.add("netDevices");
        }
        return unserved;
    }

    private static ContainerEdits.DeviceNode deviceNode(SpecObject node, SpecVersion version) throws IOException {
        String path = node.requiredPath("path");
        if (node.has("hostPath")) {
            version.require(0, 5, "hostPath");
        }
        String type = node.text("type");
        if (!List.of("", "b", "c", "u", "p").contains(type)) {
            throw new IOException("device node " + path + " has the type " + type + ", which is none of b, c, u, p");
        }
        String permissions = node.text("permissions");
        if (!permissions.isEmpty() && !PERMISSIONS.matcher(permissions).matches()) {
            throw new IOException("device node " + path + " has the permissions \"" + permissions
                    + "\", which are not made of r, w and m");
        }
        ContainerEdits.DeviceNode made = new ContainerEdits.DeviceNode(
                path,
                node.has("hostPath") ? node.requiredPath("hostPath") : path,
                type,
                node.number("major", MAX_ID),
                node.number("minor", MAX_ID),
                node.number("fileMode", MAX_ID),
                permissions.isEmpty() ? "rwm" : permissions,
                node.number("uid", MAX_ID),
                node.number("gid", MAX_ID));
        node.end();
        return made;
    }

    private static ContainerEdits.Mount mount(SpecObject mount, SpecVersion version) throws IOException {
        if (mount.has("type")) {
            version.require(0, 4, "the type of a mount");
        }
        ContainerEdits.Mount made = new ContainerEdits.Mount(
                mount.required("hostPath"),
                mount.requiredPath("containerPath"),
                mount.text("type"),
                mount.texts("options"));
        mount.end();
        return made;
    }
}
