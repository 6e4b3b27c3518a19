package io.gantry.image;

import org.jspecify.annotations.Nullable;

/** What went wrong with an image, a registry or the store; the message says what was tried, on what, and why it failed. */
public final class ImageException extends Exception {
    private final Kind kind;

    public ImageException(Kind kind, String message) {
        super(message);
        this.kind = kind;
    }

    public ImageException(Kind kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }

    /** What a caller can do about it. */
    public enum Kind {
        /** No such image, tag or blob, here or in the registry. */
        NOT_FOUND,
        /** The request cannot be right: a malformed reference, an ambiguous short id, a setting that does not parse. */
        INVALID,
        /** The registry wants (other) credentials. */
        DENIED,
        /** The registry cannot be reached, stalls or fails by itself: worth another try. */
        REGISTRY_UNAVAILABLE,
        /** Bytes differ from their digest, or an archive or document breaks its format. */
        CORRUPT,
        /** The file system of the store is full. */
        NO_SPACE,
        /** The caller gave up. */
        CANCELLED,
        /** A fault of this machine or of gantry. */
        INTERNAL
    }
}
