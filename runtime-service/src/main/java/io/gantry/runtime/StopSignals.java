package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.Signal;
import io.gantry.image.ImageConfigFile;
import io.gantry.sandbox.SandboxException;
import io.gantry.sandbox.Signals;

/** Which signal asks a container to end. */
final class StopSignals {
    private static final int SIGTERM = 15;

    private StopSignals() {}

    /** The request's, else the image's, else SIGTERM. */
    static int of(ContainerConfig config, ImageConfigFile image) throws CriException {
        try {
            if (config.getStopSignal() != Signal.SIGNAL_RUNTIME_DEFAULT) {
                return Signals.parse(name(config.getStopSignal()));
            }
            return image.stopSignal().isEmpty() ? SIGTERM : Signals.parse(image.stopSignal());
        } catch (SandboxException e) {
            throw Failures.of("container " + config.getMetadata().getName() + ": stop signal", e);
        }
    }

    /** {@code SIGNAL_SIGRTMINPLUS3} is SIGRTMIN+3. */
    private static String name(Signal signal) {
        return signal.name()
                .substring("SIGNAL_".length())
                .replace("MINPLUS", "MIN+")
                .replace("MAXMINUS", "MAX-");
    }
}
