package io.gantry.image;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageReferenceTest {
    private static final String HEX = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    @ParameterizedTest
    @CsvSource({
        "busybox, docker.io/library/busybox:latest",
        "busybox:1.29-2, docker.io/library/busybox:1.29-2",
        "user/app, docker.io/user/app:latest",
        "docker.io/busybox, docker.io/library/busybox:latest",
        "index.docker.io/busybox, docker.io/library/busybox:latest",
        "localhost/app, localhost/app:latest",
        "localhost:5000/app:v1, localhost:5000/app:v1",
        "127.0.0.1:5000/a/b/c, 127.0.0.1:5000/a/b/c:latest",
        "registry.k8s.io/pause:3.9, registry.k8s.io/pause:3.9",
        "REGISTRY/app, REGISTRY/app:latest",
        "[fd00::1]:5000/app, '[fd00::1]:5000/app:latest'",
        "gcr.io/a/b__c-d.e:T_1.x, gcr.io/a/b__c-d.e:T_1.x",
        "app@sha256:" + HEX + ", docker.io/library/app@sha256:" + HEX,
        "host:1/app:tag@sha256:" + HEX + ", host:1/app@sha256:" + HEX,
        "sha256:abcd, docker.io/library/sha256:abcd",
    })
    void isNormalised(String written, String normalised) throws ImageException {
        ImageReference reference = ImageReference.parse(written);

        assertThat(reference).hasToString(normalised);
        assertThat(ImageReference.parse(normalised)).isEqualTo(reference);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ":tag",
                "Busybox",
                "a//b",
                "a/b/",
                "/a",
                "a:",
                "a b",
                "a:t@sha256:123",
                "a@md5:abc",
                "a@",
                "host.io/",
                "https://host.io/a",
                "a/../b",
                "-host.io/a",
                "a:-tag",
                "a..b",
                "a%2fb",
                "a?b=c",
            })
    void whatCannotBeANameIsRefused(String written) {
        assertThat(ImageReference.tryParse(written)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(ints = {128, 129})
    void tagsHaveALimit(int length) {
        assertThat(ImageReference.tryParse("a:" + "t".repeat(length)).isPresent())
                .isEqualTo(length == 128);
    }
}
