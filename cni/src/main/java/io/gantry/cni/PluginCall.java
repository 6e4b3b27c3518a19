package io.gantry.cni;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What a plugin is called with (specification, section 2): the parameters and the configuration.
 *
 * @param type the plugin's type, for messages
 * @param containerId null for GC and STATUS
 * @param netns null where there is none
 * @param ifName null for GC and STATUS
 * @param args CNI_ARGS, {@code K=V;K=V}
 * @param config the execution configuration: the plugin's part of the list with name, cniVersion, prevResult and runtimeConfig; the
 *     callee may not change it
 * @param timeout how long it may take
 */
public record PluginCall(
        Verb verb,
        String type,
        @Nullable String containerId,
        @Nullable Path netns,
        @Nullable String ifName,
        String args,
        ObjectNode config,
        Duration timeout) {
    /** The verbs of the protocol. GC and STATUS exist from version 1.1.0, CHECK from 0.4.0. */
    public enum Verb {
        ADD,
        DEL,
        CHECK,
        GC,
        STATUS
    }
}
