package io.gantry.cni;

import com.fasterxml.jackson.databind.JsonNode;
import org.jspecify.annotations.Nullable;

/**
 * One CNI plugin. A binary is one ({@link ExecPlugin}); a type that gantry builds in is another and is registered in {@link Plugins}.
 * Implementations serve calls from many threads at once.
 */
@FunctionalInterface
public interface Plugin {
    /**
     * Carries out one verb.
     *
     * @return the result of ADD, or null for a verb that has none
     * @throws CniException with kind UNAVAILABLE if it may work later or took too long, else PLUGIN_FAILED or INTERNAL
     */
    @Nullable
    JsonNode run(PluginCall call) throws CniException;
}
