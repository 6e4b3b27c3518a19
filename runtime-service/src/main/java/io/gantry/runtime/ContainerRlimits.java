package io.gantry.runtime;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.json.JsonNodes;
import io.gantry.sandbox.Rlimit;
import io.gantry.sandbox.SandboxException;
import java.io.IOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Resource limits. The CRI has no field for them; a pod's annotation sets them for a container, by the names and in the form (a YAML list of
 * {@code type}, {@code soft} and {@code hard}) of NRI's ulimit-adjuster, which containerd and CRI-O run.
 */
final class ContainerRlimits {
    private static final int RLIMIT_NOFILE = 7;
    private static final List<String> ANNOTATIONS =
            List.of("ulimits.noderesource.dev/container.", "ulimits.nri.containerd.io/container.");
    private static final int MAX_LENGTH = 64 << 10;
    private static final BigInteger INFINITY = BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);

    private ContainerRlimits() {}

    static List<Rlimit> of(PodSandboxConfig pod, ContainerConfig config, HostFacts.Limit openFiles)
            throws CriException {
        Map<Integer, Rlimit> limits = new LinkedHashMap<>();
        limits.put(RLIMIT_NOFILE, new Rlimit(RLIMIT_NOFILE, openFiles.soft(), openFiles.hard(), true));
        String container = config.getMetadata().getName();
        for (String prefix : ANNOTATIONS) {
            String value = pod.getAnnotationsMap().get(prefix + container);
            if (value != null) {
                String what = "container " + container + ": the pod's annotation " + prefix + container;
                asked(what, value).forEach(limit -> limits.put(limit.number(), limit));
                break;
            }
        }
        return List.copyOf(limits.values());
    }

    private static List<Rlimit> asked(String what, String value) throws CriException {
        if (value.length() > MAX_LENGTH) {
            throw CriException.invalid(what + " is longer than " + MAX_LENGTH + " characters");
        }
        JsonNode list;
        try {
            list = JsonNodes.read(new YAMLFactory().createParser(value));
        } catch (JacksonException e) {
            throw CriException.invalid(what + " is not valid YAML: " + e.getOriginalMessage());
        } catch (IOException e) {
            throw CriException.invalid(what + " cannot be read: " + e.getMessage());
        }
        if (!list.isArray()) {
            throw CriException.invalid(what + " is no list of type, soft and hard");
        }
        List<Rlimit> limits = new ArrayList<>();
        for (JsonNode entry : list) {
            JsonNode type = entry.path("type");
            Long soft = number(entry.path("soft"));
            Long hard = number(entry.path("hard"));
            if (!type.isTextual() || soft == null || hard == null) {
                throw CriException.invalid(what + ": " + entry + " has not the form type, soft, hard");
            }
            if (Long.compareUnsigned(soft, hard) > 0) {
                throw CriException.invalid(what + ": " + type.textValue() + ": soft is above hard");
            }
            try {
                limits.add(Rlimit.of(type.textValue(), soft, hard));
            } catch (SandboxException e) {
                throw CriException.invalid(what + ": " + e.getMessage());
            }
        }
        return limits;
    }

    /** As 64 unsigned bits, -1 for infinity, 0 where it is missing as the peers have it; null where it is no such number. */
    private static @Nullable Long number(JsonNode node) {
        if (node.isMissingNode()) {
            return 0L;
        }
        if (!node.isIntegralNumber()) {
            return null;
        }
        BigInteger value = node.bigIntegerValue();
        return value.signum() < 0 || value.compareTo(INFINITY) > 0 ? null : value.longValue();
    }
}
