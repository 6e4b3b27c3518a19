package io.gantry.image.registry;

import java.io.IOException;

/** A blob whose bytes are not those that its digest promises. Within a stream, hence an IOException. */
final class CorruptBlobException extends IOException {
    CorruptBlobException(String message) {
        super(message);
    }
}
