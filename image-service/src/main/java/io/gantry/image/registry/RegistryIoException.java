package io.gantry.image.registry;

import io.gantry.image.ImageException;
import java.io.IOException;

/** Carries an {@link ImageException} out of a stream's read. */
final class RegistryIoException extends IOException {
    private final ImageException failure;

    RegistryIoException(ImageException failure) {
        super(failure.getMessage(), failure);
        this.failure = failure;
    }

    /** What went wrong. */
    public ImageException failure() {
        return failure;
    }
}
