package io.gantry.image.cri;

import io.gantry.cri.CriException;
import io.gantry.image.ImageException;

/** What goes wrong with images, as the CRI's callers must see it. */
public final class ImageFailures {
    private ImageFailures() {}

    /** The same failure, in the CRI's terms. */
    public static CriException of(ImageException failure) {
        return of("", failure);
    }

    /**
     * The same with what was tried in front.
     *
     * @param tried such as {@code "create container web: "}, or empty
     */
    public static CriException of(String tried, ImageException failure) {
        CriException.Kind kind = switch (failure.kind()) {
            case NOT_FOUND -> CriException.Kind.NOT_FOUND;
            case INVALID -> CriException.Kind.INVALID;
            case DENIED -> CriException.Kind.DENIED;
            case REGISTRY_UNAVAILABLE -> CriException.Kind.REGISTRY_UNAVAILABLE;
            case CORRUPT -> CriException.Kind.CORRUPT;
            case NO_SPACE -> CriException.Kind.RESOURCE_EXHAUSTED;
            case CANCELLED -> CriException.Kind.CANCELLED;
            case INTERNAL -> CriException.Kind.INTERNAL;
        };
        return new CriException(kind, tried + failure.getMessage(), failure);
    }
}
