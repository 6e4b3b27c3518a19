package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.image.ImageException;
import io.gantry.image.cri.ImageFailures;
import io.gantry.sandbox.SandboxException;
import java.io.IOException;

/** What the layers below throw, as the CRI's callers must see it: with what was tried in front. */
final class Failures {
    private Failures() {}

    static CriException of(String tried, SandboxException cause) {
        CriException.Kind kind = switch (cause.kind()) {
            case NOT_FOUND -> CriException.Kind.NOT_FOUND;
            case ALREADY_EXISTS -> CriException.Kind.ALREADY_EXISTS;
            case INVALID -> CriException.Kind.INVALID;
            case UNAVAILABLE -> CriException.Kind.UNAVAILABLE;
            case FAILED_PRECONDITION -> CriException.Kind.FAILED_PRECONDITION;
            case INTERNAL -> CriException.Kind.INTERNAL;
        };
        return new CriException(kind, tried + ": " + cause.getMessage(), cause);
    }

    static CriException of(String tried, ImageException cause) {
        return ImageFailures.of(tried + ": ", cause);
    }

    static CriException of(String tried, IOException cause) {
        return new CriException(CriException.Kind.INTERNAL, tried + ": " + cause, cause);
    }
}
