package io.gantry.image.manifest;

import io.gantry.image.Digest;
import io.gantry.image.ImageConfigFile;
import io.gantry.image.ImageException;
import io.gantry.image.json.JsonTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads image configs. */
public final class ConfigDocument {
    private ConfigDocument() {}

    /**
     * Reads a config document whose digest has been verified.
     *
     * @throws ImageException CORRUPT when it is not JSON or has no layers' diff-ids
     */
    public static ImageConfigFile read(byte[] document, Digest digest) throws ImageException {
        JsonTree json;
        try {
            json = JsonTree.parse(document);
        } catch (IOException e) {
            throw new ImageException(
                    ImageException.Kind.CORRUPT, "image config " + digest + " is not JSON: " + e.getMessage(), e);
        }
        if (!json.get("rootfs").get("diff_ids").isArray()) {
            throw new ImageException(
                    ImageException.Kind.CORRUPT, "image config " + digest + " lists no diff_ids: it is no image's");
        }
        List<Digest> diffIds = new ArrayList<>();
        for (String diffId : json.get("rootfs").get("diff_ids").texts()) {
            diffIds.add(Digest.parse(diffId));
        }
        JsonTree config = json.get("config");
        Map<String, String> labels = new HashMap<>();
        config.get("Labels").members().forEach((name, value) -> labels.put(name, value.text()));
        return new ImageConfigFile(
                json.get("architecture").text(),
                json.get("variant").text(),
                json.get("os").text(),
                json.get("created").text(),
                config.get("User").text(),
                config.get("Env").texts(),
                config.get("Entrypoint").texts(),
                config.get("Cmd").texts(),
                config.get("WorkingDir").text(),
                config.get("Volumes").members().keySet().stream().sorted().toList(),
                config.get("ExposedPorts").members().keySet().stream().sorted().toList(),
                labels,
                config.get("StopSignal").text(),
                diffIds);
    }

    /** The platform that a config claims. */
    public static Platform platform(ImageConfigFile config) {
        return Platform.of(config.os(), config.architecture(), config.variant());
    }

    /** The digest of a stack of layers, given lowest first (image-spec, Layer ChainID); empty without layers. */
    public static String chainId(List<Digest> diffIds) {
        String chain = "";
        for (Digest diffId : diffIds) {
            chain = chain.isEmpty()
                    ? diffId.toString()
                    : Digest.sha256((chain + " " + diffId).getBytes(StandardCharsets.US_ASCII))
                            .toString();
        }
        return chain;
    }
}
