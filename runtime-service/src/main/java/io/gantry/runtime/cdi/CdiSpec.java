package io.gantry.runtime.cdi;

import java.nio.file.Path;
import java.util.Map;

/**
 * One file of devices of one kind.
 *
 * @param kind {@code vendor/class}
 * @param edits for a container with any of the devices
 * @param devices by name, without the kind
 */
record CdiSpec(Path file, String kind, ContainerEdits edits, Map<String, ContainerEdits> devices) {
    CdiSpec {
        devices = Map.copyOf(devices);
    }
}
