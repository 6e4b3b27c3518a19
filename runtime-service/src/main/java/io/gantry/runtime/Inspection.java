package io.gantry.runtime;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import io.gantry.cni.CniStatus;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.runtime.state.ProcessRecord;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What the CRI's verbose answers add: a map of which every value that begins with a brace is a JSON object, since crictl prints it as one.
 * The keys are those of containerd, by which tools know them.
 */
final class Inspection {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Inspection() {}

    static Map<String, String> of(Container container, Pod pod) throws CriException {
        ObjectNode info = JSON.createObjectNode();
        info.put("sandboxID", pod.id());
        info.put("pid", container.state().pid());
        info.put("removing", false);
        info.put("snapshotKey", container.id());
        info.put("snapshotter", "overlayfs");
        info.put("runtimeType", Version.NAME);
        info.putNull("runtimeOptions");
        info.set("config", json(container.config()));
        info.set("runtimeSpec", process(container.record().getProcess()));
        return Map.of("info", text(info));
    }

    /** @param config the pod's, with the resources last told */
    static Map<String, String> of(Pod pod, PodSandboxConfig config, boolean netnsClosed) throws CriException {
        ObjectNode info = JSON.createObjectNode();
        info.put("pid", pod.state() instanceof PodState.Ready(PodState.Network _, PodState.Init init) ? init.pid() : 0);
        info.put("processStatus", pod.state().isReady() ? "running" : "deleted");
        info.put("netNamespaceClosed", netnsClosed);
        info.put("image", "");
        info.put("snapshotKey", pod.id());
        info.put("snapshotter", "overlayfs");
        info.put("runtimeHandler", pod.runtimeHandler());
        info.put("runtimeType", Version.NAME);
        info.putNull("runtimeOptions");
        info.set("config", json(config));
        info.putObject("runtimeSpec");
        String cni = pod.state().network().cniResult();
        info.set("cniResult", cni.isEmpty() ? JSON.nullNode() : parse(cni));
        return Map.of("info", text(info));
    }

    static Map<String, String> status(Node node, CniStatus network) {
        Map<String, String> info = new LinkedHashMap<>();
        ObjectNode config = JSON.createObjectNode();
        config.put("rootDir", node.layout().root().toString());
        config.put("stateDir", node.layout().run().toString());
        config.put("cgroupDriver", node.cgroups().driver().name().toLowerCase(Locale.ROOT));
        config.put("cgroupVersion", node.cgroups().version());
        info.put("config", config.toString());
        ObjectNode cni = JSON.createObjectNode();
        cni.put("network", network.network());
        network.loadErrors().forEach(cni.putArray("loadErrors")::add);
        info.put("cniconfig", cni.toString());
        info.put("lastCNILoadStatus", network.ready() ? "OK" : network.message());
        return info;
    }

    private static JsonNode process(ProcessRecord record) {
        ObjectNode shown = JSON.createObjectNode();
        ObjectNode fields = shown.putObject("process");
        fields.put("terminal", record.getTty());
        ObjectNode user = fields.putObject("user");
        user.put("uid", record.getUid());
        user.put("gid", record.getGid());
        record.getGroupsList().forEach(user.putArray("additionalGids")::add);
        record.getArgsList().forEach(arg -> fields.withArray("args").add(arg.toStringUtf8()));
        record.getEnvList().forEach(env -> fields.withArray("env").add(env.toStringUtf8()));
        fields.put("cwd", record.getCwd());
        fields.put("noNewPrivileges", record.getNoNewPrivs());
        fields.put("oomScoreAdj", record.getOomScoreAdj());
        return shown;
    }

    private static JsonNode json(MessageOrBuilder message) throws CriException {
        try {
            return parse(JsonFormat.printer().preservingProtoFieldNames().print(message));
        } catch (InvalidProtocolBufferException e) {
            throw new CriException(CriException.Kind.INTERNAL, "show a configuration: " + e.getMessage(), e);
        }
    }

    private static JsonNode parse(String json) throws CriException {
        try {
            return JSON.readTree(json);
        } catch (JsonProcessingException e) {
            throw new CriException(CriException.Kind.INTERNAL, "show a configuration: " + e.getMessage(), e);
        }
    }

    private static String text(ObjectNode node) {
        return node.toString();
    }
}
