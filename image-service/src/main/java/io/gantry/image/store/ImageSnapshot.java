package io.gantry.image.store;

import io.gantry.image.Digest;
import io.gantry.image.Image;
import io.gantry.image.ImageException;
import io.gantry.image.ImageReference;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;

/** The visible images at one moment. Immutable. */
public final class ImageSnapshot {
    /** Fewer digits fit too many ids to be meant as one. */
    private static final int MIN_SHORT_ID = 4;

    private static final String ID_PREFIX = "sha256:";

    private final NavigableMap<String, Image> byId = new TreeMap<>();
    private final Map<String, Image> byName = new HashMap<>();
    private final List<Image> all;

    ImageSnapshot(List<Image> images) {
        for (Image image : images) {
            byId.put(image.id(), image);
            image.repoTags().forEach(tag -> byName.put(tag, image));
            image.repoDigests().forEach(digest -> byName.put(digest, image));
        }
        all = List.copyOf(byId.values());
    }

    /** All images, in the order of their ids. */
    public List<Image> all() {
        return all;
    }

    /** The image with exactly this id. */
    public Optional<Image> byId(String id) {
        return Optional.ofNullable(byId.get(id));
    }

    /** As {@link io.gantry.image.Images#find}. */
    public Optional<Image> find(String referenceOrId) throws ImageException {
        String hex = referenceOrId.startsWith(ID_PREFIX) ? referenceOrId.substring(ID_PREFIX.length()) : referenceOrId;
        Image exact = byId.get(ID_PREFIX + hex);
        if (exact != null) {
            return Optional.of(exact);
        }
        Optional<Image> named = ImageReference.tryParse(referenceOrId)
                .flatMap(name -> Optional.ofNullable(byName.get(name.toString())));
        if (named.isPresent()) {
            return named;
        }
        return isShortId(hex) ? byShortId(hex) : Optional.empty();
    }

    private static boolean isShortId(String hex) {
        return hex.length() >= MIN_SHORT_ID
                && hex.length() < Digest.sha256(new byte[0]).hex().length()
                && hex.chars().allMatch(c -> (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    }

    private Optional<Image> byShortId(String hex) throws ImageException {
        // 'g' comes after every hex digit.
        List<Image> fitting =
                List.copyOf(byId.subMap(ID_PREFIX + hex, ID_PREFIX + hex + "g").values());
        if (fitting.size() > 1) {
            throw new ImageException(
                    ImageException.Kind.INVALID,
                    "the short image id " + hex + " fits " + fitting.size() + " images, "
                            + fitting.get(0).id() + " and " + fitting.get(1).id() + " among them");
        }
        return fitting.stream().findFirst();
    }
}
