package io.gantry.runtime;

import io.gantry.cri.v1.ImageSpec;
import io.gantry.image.Image;
import io.gantry.image.ImageReference;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a container's status calls its image. The kubelet creates containers by image id, but what it shows its users as {@code image} and
 * {@code imageID} are the status' {@code image} and {@code image_ref}: these are to be names, as with other runtimes.
 *
 * @param name the tag that the user wrote, if the image has it, or else its first one; without any, its first digest, or
 *     what stood in the request
 * @param reference a repository digest, of the name's repository if there is one; without any, the image's id
 */
record ImageNames(String name, String reference) {
    static ImageNames of(ImageSpec wanted, Image image) {
        Optional<ImageReference> written = ImageReference.tryParse(wanted.getUserSpecifiedImage())
                .or(() -> ImageReference.tryParse(wanted.getImage()));
        String name = written.map(ImageReference::toString)
                .filter(image.repoTags()::contains)
                .or(() -> Stream.concat(image.repoTags().stream(), image.repoDigests().stream())
                        .findFirst())
                .orElse(wanted.getImage());
        String repository =
                ImageReference.tryParse(name).map(ImageReference::name).orElse("");
        List<String> digests = image.repoDigests();
        String reference = digests.stream()
                .filter(digest -> digest.startsWith(repository + "@"))
                .findFirst()
                .or(() -> digests.stream().findFirst())
                .orElse(image.id());
        return new ImageNames(name, reference);
    }
}
