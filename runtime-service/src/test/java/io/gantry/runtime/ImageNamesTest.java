package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.ImageSpec;
import io.gantry.image.Image;
import io.gantry.image.ImageConfigFile;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ImageNamesTest {
    private static final String ID = "sha256:" + "1".repeat(64);
    private static final String DIGEST = "sha256:" + "2".repeat(64);

    @Test
    void theUsersOwnTagIsTheName() {
        Image image = image(
                List.of("docker.io/library/a:1", "example.com/b:2"),
                List.of("docker.io/library/a@" + DIGEST, "example.com/b@" + DIGEST));
        assertThat(names(ID, "example.com/b:2", image))
                .isEqualTo(new ImageNames("example.com/b:2", "example.com/b@" + DIGEST));
        assertThat(names(ID, "a:1", image))
                .isEqualTo(new ImageNames("docker.io/library/a:1", "docker.io/library/a@" + DIGEST));
        assertThat(names("example.com/b:2", "", image).name()).isEqualTo("example.com/b:2");
    }

    @Test
    void theFirstTagStandsForAnIdOrATagThatHasMoved() {
        Image image = image(List.of("example.com/b:2", "example.com/b:3"), List.of("example.com/b@" + DIGEST));
        assertThat(names(ID, "", image).name()).isEqualTo("example.com/b:2");
        assertThat(names(ID, "example.com/b:1", image).name()).isEqualTo("example.com/b:2");
    }

    @Test
    void withoutTagOrDigestThereIsWhatStoodInTheRequest() {
        String byDigest = "example.com/b@" + DIGEST;
        assertThat(names(byDigest, byDigest, image(List.of(), List.of(byDigest))))
                .isEqualTo(new ImageNames(byDigest, byDigest));
        assertThat(names(ID, "", image(List.of(), List.of()))).isEqualTo(new ImageNames(ID, ID));
    }

    private static ImageNames names(String wanted, String written, Image image) {
        return ImageNames.of(
                ImageSpec.newBuilder()
                        .setImage(wanted)
                        .setUserSpecifiedImage(written)
                        .build(),
                image);
    }

    private static Image image(List<String> tags, List<String> digests) {
        List<String> none = List.of();
        ImageConfigFile config =
                new ImageConfigFile("", "", "", "", "", none, none, none, "", none, none, Map.of(), "", List.of());
        return new Image(ID, tags, digests, 1, config, List.of(), "", false);
    }
}
