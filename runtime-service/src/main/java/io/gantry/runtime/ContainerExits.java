package io.gantry.runtime;

import io.gantry.sandbox.ContainerExit;

/** How an exit is told: the reasons that the kubelet and its users know. */
final class ContainerExits {
    private ContainerExits() {}

    static ContainerState.Exited of(ContainerExit exit) {
        return new ContainerState.Exited(exit.startedNanos(), exit.finishedNanos(), exit.code(), reason(exit), "");
    }

    private static String reason(ContainerExit exit) {
        if (exit.oomKilled()) {
            return "OOMKilled";
        }
        return exit.code() == 0 ? "Completed" : "Error";
    }
}
