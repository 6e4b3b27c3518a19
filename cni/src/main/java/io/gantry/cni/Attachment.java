package io.gantry.cni;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One interface of one network namespace, the thing that ADD makes and DEL takes away.
 *
 * @param containerId the pod's id: letters, digits, {@code _ . -}, first a letter or digit (specification, section 2)
 * @param netns path of the pinned network namespace; null only for DEL, once the namespace is gone
 * @param ifName name of the interface inside the namespace, 1 to 15 bytes
 * @param args CNI_ARGS in order; see {@link #kubernetesArgs}
 * @param capabilityArgs what plugins get as runtimeConfig if they declare the capability
 */
public record Attachment(
        String containerId,
        @Nullable Path netns,
        String ifName,
        Map<String, String> args,
        CapabilityArgs capabilityArgs) {
    private static final Pattern CONTAINER_ID = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.\\-]*");
    private static final Pattern SEPARATORS = Pattern.compile("[;=]");
    private static final Pattern IF_NAME = Pattern.compile("[^/:\\s]{1,15}");

    public Attachment {
        if (!CONTAINER_ID.matcher(containerId).matches()) {
            throw new IllegalArgumentException("not a CNI container id: " + containerId);
        }
        if (!IF_NAME.matcher(ifName).matches() || ifName.equals(".") || ifName.equals("..")) {
            throw new IllegalArgumentException("not an interface name: " + ifName);
        }
        for (Map.Entry<String, String> arg : args.entrySet()) {
            if (arg.getKey().isEmpty()
                    || SEPARATORS.matcher(arg.getKey() + arg.getValue()).find()) {
                throw new IllegalArgumentException("not a CNI argument: " + arg);
            }
        }
        args = Collections.unmodifiableMap(new LinkedHashMap<>(args));
    }

    /**
     * The arguments that every Kubernetes runtime passes, in the order in which they do. A value that the protocol has no way to write,
     * which no object of Kubernetes has, is left out.
     */
    public static Map<String, String> kubernetesArgs(String namespace, String podName, String podId, String podUid) {
        Map<String, String> args = new LinkedHashMap<>();
        args.put("IgnoreUnknown", "1");
        args.put("K8S_POD_NAMESPACE", namespace);
        args.put("K8S_POD_NAME", podName);
        args.put("K8S_POD_INFRA_CONTAINER_ID", podId);
        args.put("K8S_POD_UID", podUid);
        args.values().removeIf(value -> SEPARATORS.matcher(value).find());
        return args;
    }

    /** The same attachment without its namespace, for a DEL after that is gone. */
    public Attachment withoutNetns() {
        return new Attachment(containerId, null, ifName, args, capabilityArgs);
    }
}
