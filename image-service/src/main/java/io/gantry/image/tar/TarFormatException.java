package io.gantry.image.tar;

import java.io.IOException;

/** An archive that is not well-formed. */
public final class TarFormatException extends IOException {
    public TarFormatException(String message) {
        super(message);
    }
}
