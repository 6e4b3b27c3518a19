package io.gantry.image;

import java.util.List;
import java.util.Map;

/**
 * An image's config document, as far as containers need it. Texts that are absent there are empty here.
 *
 * @param user {@code user[:group]}, names or numbers
 * @param environment {@code NAME=value} each
 * @param volumes folders of the container that want their own storage, sorted
 * @param exposedPorts {@code port/protocol} each, sorted
 * @param stopSignal a name or a number
 * @param diffIds digests of the uncompressed layers, lowest first
 * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md">image-spec, Image Configuration</a>
 */
public record ImageConfigFile(
        String architecture,
        String variant,
        String os,
        String created,
        String user,
        List<String> environment,
        List<String> entrypoint,
        List<String> command,
        String workingDirectory,
        List<String> volumes,
        List<String> exposedPorts,
        Map<String, String> labels,
        String stopSignal,
        List<Digest> diffIds) {
    public ImageConfigFile {
        environment = List.copyOf(environment);
        entrypoint = List.copyOf(entrypoint);
        command = List.copyOf(command);
        volumes = List.copyOf(volumes);
        exposedPorts = List.copyOf(exposedPorts);
        labels = Map.copyOf(labels);
        diffIds = List.copyOf(diffIds);
    }
}
