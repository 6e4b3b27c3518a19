package io.gantry.image.manifest;

import io.gantry.image.Digest;
import io.gantry.image.ImageException;
import io.gantry.image.json.JsonTree;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** What a manifest reference leads to: an image, or an index of images. */
public sealed interface ImageManifest {
    String OCI_INDEX = "application/vnd.oci.image.index.v1+json";
    String OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
    String DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
    String DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";

    /** The media types to ask a registry for, as an Accept header. */
    String ACCEPT = String.join(", ", OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST);

    /** One image: its config and its compressed layers, lowest first. */
    record Single(Descriptor config, List<Descriptor> layers) implements ImageManifest {
        public Single {
            layers = List.copyOf(layers);
        }
    }

    /** Several images, one for each platform. */
    record Index(List<Descriptor> manifests) implements ImageManifest {
        public Index {
            manifests = List.copyOf(manifests);
        }
    }

    /**
     * Reads a document whose digest has been verified.
     *
     * @param contentType as the registry told it, may be empty; counts where the document names no media type itself
     * @param digest for messages
     * @throws ImageException CORRUPT when it is neither
     */
    static ImageManifest read(byte[] document, String contentType, Digest digest) throws ImageException {
        JsonTree json;
        try {
            json = JsonTree.parse(document);
        } catch (IOException e) {
            throw new ImageException(
                    ImageException.Kind.CORRUPT, "manifest " + digest + " is not JSON: " + e.getMessage(), e);
        }
        if (json.get("schemaVersion").number(2) != 2) {
            throw new ImageException(
                    ImageException.Kind.INVALID,
                    "manifest " + digest + " is of Docker's schema 1, which is no longer supported");
        }
        String mediaType = json.get("mediaType").text();
        if (mediaType.isEmpty()) {
            mediaType = contentType;
        }
        boolean index = json.get("manifests").isArray();
        boolean single = json.get("layers").isArray() && json.get("config").isObject();
        // A document that can be read as either would let two clients see two images under one digest.
        boolean contradicts = ((mediaType.equals(OCI_INDEX) || mediaType.equals(DOCKER_LIST)) && !index)
                || ((mediaType.equals(OCI_MANIFEST) || mediaType.equals(DOCKER_MANIFEST)) && !single);
        if (index == single || contradicts) {
            throw new ImageException(
                    ImageException.Kind.CORRUPT,
                    "manifest " + digest + " of type \"" + mediaType + "\" is neither an image nor an index");
        }
        if (index) {
            return new Index(readAll(json.get("manifests")));
        }
        return new Single(Descriptor.read(json.get("config")), readAll(json.get("layers")));
    }

    private static List<Descriptor> readAll(JsonTree array) throws ImageException {
        List<Descriptor> descriptors = new ArrayList<>();
        for (JsonTree element : array.elements()) {
            descriptors.add(Descriptor.read(element));
        }
        return descriptors;
    }
}
