package io.gantry.runtime;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gantry.cni.CniConfig;
import io.gantry.cni.CniStatus;
import io.gantry.cri.CriException;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.json.JsonNodes;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What the CRI's verbose answers add: a map of which every value that begins with a brace is a JSON object, since crictl prints it as one.
 * The keys are those of containerd, by which tools know them.
 */
final class Inspection {
    private Inspection() {}

    static Map<String, String> of(Container container, Pod pod, Node node) throws CriException {
        ObjectNode info = JsonNodes.object();
        info.put("sandboxID", pod.id());
        info.put("pid", container.state().pid());
        info.put("removing", false);
        info.put("snapshotKey", container.id());
        info.put("snapshotter", "overlayfs");
        info.put("runtimeType", Version.NAME);
        info.putNull("runtimeOptions");
        info.set("config", ProtoJson.of(container.config()));
        info.set("runtimeSpec", SpecView.of(container, pod, node));
        return Map.of("info", JsonNodes.text(info));
    }

    /** @param config the pod's, with the resources last told */
    static Map<String, String> of(Pod pod, PodSandboxConfig config, boolean netnsClosed, Node node)
            throws CriException {
        ObjectNode info = JsonNodes.object();
        info.put("pid", pod.state() instanceof PodState.Ready(PodState.Network _, PodState.Init init) ? init.pid() : 0);
        info.put("processStatus", pod.state().isReady() ? "running" : "deleted");
        info.put("netNamespaceClosed", netnsClosed);
        info.put("image", "");
        info.put("snapshotKey", pod.id());
        info.put("snapshotter", "overlayfs");
        info.put("runtimeHandler", pod.runtimeHandler());
        info.put("runtimeType", Version.NAME);
        info.putNull("runtimeOptions");
        info.set("config", ProtoJson.of(config));
        info.set("runtimeSpec", SpecView.of(pod, node));
        PodState.Network network = pod.state().network();
        JsonNode cni =
                network.cniResult().isEmpty() ? NullNode.getInstance() : CniResultView.of(parse(network.cniResult()));
        info.set("cniResult", cni);
        // containerd shows its own record of the pod too; tools read the path of the network namespace and the
        // addresses there.
        ObjectNode metadata =
                info.putObject("sandboxMetadata").put("Version", "v1").putObject("Metadata");
        metadata.put("ID", pod.id());
        PodKey key = pod.key();
        metadata.put("Name", String.join("_", key.name(), key.namespace(), key.uid(), Integer.toString(key.attempt())));
        metadata.put(
                "NetNSPath",
                pod.hostNetwork() ? "" : node.layout().netns(pod.id()).toString());
        metadata.put("IP", network.ips().isEmpty() ? "" : network.ips().getFirst());
        network.ips().stream().skip(1).forEach(metadata.putArray("AdditionalIPs")::add);
        metadata.put("RuntimeHandler", pod.runtimeHandler());
        metadata.set("CNIResult", cni);
        return Map.of("info", JsonNodes.text(info));
    }

    static Map<String, String> status(Node node, CniStatus network) {
        Map<String, String> info = new LinkedHashMap<>();
        ObjectNode config = JsonNodes.object();
        config.put("rootDir", node.layout().root().toString());
        config.put("stateDir", node.layout().run().toString());
        config.put("cgroupDriver", node.cgroups().driver().name().toLowerCase(Locale.ROOT));
        config.put("cgroupVersion", node.cgroups().version());
        config.put("enableCDI", true);
        node.cdi().folders().forEach(folder -> config.withArray("cdiSpecDirs").add(folder.toString()));
        info.put("config", JsonNodes.text(config));
        ObjectNode cni = JsonNodes.object();
        CniConfig folders = node.cni().config();
        folders.binDirs().forEach(dir -> cni.withArray("PluginDirs").add(dir.toString()));
        cni.put("PluginConfDir", folders.confDirs().stream().map(Path::toString).collect(Collectors.joining(":")));
        cni.put("Prefix", "eth");
        ArrayNode networks = cni.putArray("Networks");
        if (network.network() != null) {
            networks.addObject().put("IFName", "eth0").putObject("Config").put("Name", network.network());
        }
        network.loadErrors().forEach(cni.putArray("loadErrors")::add);
        info.put("cniconfig", JsonNodes.text(cni));
        info.put("lastCNILoadStatus", network.ready() ? "OK" : network.message());
        return info;
    }

    private static JsonNode parse(String json) throws CriException {
        try {
            return JsonNodes.parse(json);
        } catch (IOException e) {
            throw new CriException(CriException.Kind.INTERNAL, "show a configuration: " + e.getMessage(), e);
        }
    }
}
