package io.gantry.daemon;

import io.gantry.image.ImageException;
import io.gantry.image.Images;
import io.gantry.json.JsonNodes;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Images that come with the distribution, as OCI layouts in a folder: a machine without a registry has something to run. */
final class EmbeddedImages {
    private static final Logger LOG = LoggerFactory.getLogger(EmbeddedImages.class);
    /** The annotation by which containerd's and Docker's archives carry a full name. */
    private static final String NAME = "io.containerd.image.name";

    private EmbeddedImages() {}

    static void load(Path folder, Images images) throws IOException, InterruptedException, ConfigException {
        if (!Files.isDirectory(folder)) {
            throw new ConfigException("image.embedded_dir: " + folder + " is not a folder");
        }
        try (DirectoryStream<Path> layouts = Files.newDirectoryStream(folder, Files::isDirectory)) {
            for (Path layout : layouts) {
                String name = JsonNodes.parse(Files.readString(layout.resolve("index.json")))
                        .at("/manifests/0/annotations/" + NAME)
                        .asText();
                if (name.isEmpty()) {
                    throw new ConfigException(
                            "image.embedded_dir: the index of " + layout + " has no annotation " + NAME);
                }
                if (images.find(name).isEmpty()) {
                    images.importOciLayout(layout, name, false);
                    LOG.info("imported {} from {}", name, layout);
                }
            }
        } catch (ImageException e) {
            throw new ConfigException("image.embedded_dir: " + e.getMessage());
        }
    }
}
