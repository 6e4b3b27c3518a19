package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.ContainerMetadata;
import io.gantry.cri.v1.ImageSpec;
import io.gantry.cri.v1.Mount;
import io.gantry.image.Image;
import io.gantry.image.ImageConfigFile;
import io.gantry.sandbox.RootfsOp;
import io.gantry.sandbox.RootfsOp.BindFlag;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RequestedMountsTest {
    private static final Image IMAGE = new Image(
            "sha256:1",
            List.of(),
            List.of(),
            1,
            new ImageConfigFile(
                    "", "", "", "", "", List.of(), List.of(), List.of(), "", List.of(), List.of(), Map.of(), "",
                    List.of()),
            List.of(Path.of("/layers/b"), Path.of("/layers/a")),
            "",
            false);

    private static ContainerConfig container(Mount.Builder mount) {
        return ContainerConfig.newBuilder()
                .setMetadata(ContainerMetadata.newBuilder().setName("web"))
                .addMounts(mount)
                .build();
    }

    private static RootfsOp only(Mount.Builder mount) throws CriException {
        return RequestedMounts.of(container(mount), Map.of("models", IMAGE), null)
                .getFirst()
                .op();
    }

    private static Mount.Builder image() {
        return Mount.newBuilder()
                .setContainerPath("/mnt/")
                .setReadonly(true)
                .setImage(ImageSpec.newBuilder().setImage("models"));
    }

    private static Mount.Builder host() {
        return Mount.newBuilder().setContainerPath("/mnt").setHostPath("/tmp");
    }

    private static void refused(Mount.Builder mount, String... words) {
        assertThatThrownBy(() -> only(mount))
                .isInstanceOfSatisfying(
                        CriException.class, e -> assertThat(e.kind()).isEqualTo(CriException.Kind.INVALID))
                .hasMessageContainingAll(words);
    }

    @Test
    void anImageIsMountedReadOnly() throws CriException {
        assertThat(only(image().setImageSubPath("weights").addMountOptions("noexec")))
                .isEqualTo(new RootfsOp.ImageMount(
                        IMAGE.layerPathsTopFirst(),
                        "/mnt",
                        "weights",
                        List.of(BindFlag.READ_ONLY, BindFlag.NO_EXEC, BindFlag.PRIVATE)));
    }

    @Test
    void anImageMayBeNamedByItsReferenceAlone() throws CriException {
        assertThat(only(image().setImage(ImageSpec.newBuilder().setImageRef("models"))))
                .isInstanceOf(RootfsOp.ImageMount.class);
    }

    @Test
    void anEmptyImageSpecIsNoImage() throws CriException {
        assertThat(only(host().setImage(ImageSpec.getDefaultInstance()))).isInstanceOf(RootfsOp.Bind.class);
    }

    @Test
    void mountOptionsBecomeFlags() throws CriException {
        assertThat(((RootfsOp.Bind) only(host().addMountOptions("nosuid").addMountOptions("nodev"))).flags())
                .contains(BindFlag.NO_SUID, BindFlag.NO_DEV)
                .doesNotContain(BindFlag.NO_EXEC);
    }

    @Test
    void whatIsWrongIsSaid() {
        refused(image().setReadonly(false), "ImageVolumeMountFailed: container web", "/mnt", "readonly");
        refused(image().setHostPath("/srv"), "ImageVolumeMountFailed: ", "/srv");
        refused(host().setImageSubPath("x"), "image_sub_path");
        refused(host().addMountOptions("NOEXEC"), "\"NOEXEC\"");
        refused(host().setContainerPath("mnt"), "absolute");
        refused(host().setHostPath("/no/such/file"), "/no/such/file");
        refused(host().setHostPath("/tmp\0/x"), "NUL");
        refused(image().setImageSubPath("a\0b"), "NUL");
    }
}
