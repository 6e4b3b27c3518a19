package io.gantry.image.pull;

import java.io.IOException;

/** Marks a failure as one of the source, among those of inflating and unpacking that come up through the same streams. */
final class BlobReadException extends IOException {
    private final IOException failure;

    BlobReadException(IOException failure) {
        super(failure.getMessage(), failure);
        this.failure = failure;
    }

    IOException failure() {
        return failure;
    }
}
