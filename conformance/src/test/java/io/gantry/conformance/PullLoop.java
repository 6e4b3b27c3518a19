package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.PullImageRequest;
import java.util.concurrent.TimeUnit;

/** A client that pulls an image and removes it, again and again. */
final class PullLoop implements AutoCloseable {
    private final Cri cri;
    private final String image;
    private final Worker worker;
    private int pulls;

    /** Closes the connection in the end. */
    PullLoop(Cri cri, String image) {
        this.cri = cri;
        this.image = image;
        this.worker = new Worker("load-pulls", this::pull);
    }

    private void pull() {
        // A large image takes long beside everything else.
        String id = cri.images()
                .withDeadlineAfter(15, TimeUnit.MINUTES)
                .pullImage(
                        PullImageRequest.newBuilder().setImage(Cri.image(image)).build())
                .getImageRef();
        assertThat(cri.imageStatus(image)).hasValueSatisfying(present -> {
            assertThat(present.getId()).isEqualTo(id);
            assertThat(present.getRepoTagsList()).containsExactly(image);
            assertThat(present.getSize()).isPositive();
        });
        cri.removeImage(image);
        assertThat(cri.imageStatus(image)).isEmpty();
        pulls++;
    }

    void stop() {
        worker.stop();
    }

    @Override
    public void close() {
        worker.close();
        cri.close();
    }

    /** Only when stopped. */
    @Override
    public String toString() {
        return pulls + " pulls of " + image;
    }
}
