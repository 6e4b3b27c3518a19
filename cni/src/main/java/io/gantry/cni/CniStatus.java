package io.gantry.cni;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Whether a pod could be given a network now, for the NetworkReady condition.
 *
 * @param ready true if the default network is valid and all its plugins are installed
 * @param reason a word for programs: empty when ready, else {@link #NOT_READY}
 * @param message what is wrong and where it was looked for; empty when ready
 * @param network the default network's name, if there is a valid one
 * @param loadErrors one line for each configuration file that was skipped as invalid
 */
public record CniStatus(
        boolean ready,
        String reason,
        String message,
        @Nullable String network,
        List<String> loadErrors) {
    /** The one reason that containerd and CRI-O give, and that users search for; the message tells what it is. */
    static final String NOT_READY = "NetworkPluginNotReady";

    public CniStatus {
        loadErrors = List.copyOf(loadErrors);
    }
}
