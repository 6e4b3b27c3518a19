package io.gantry.cri;

import org.jspecify.annotations.Nullable;

/** A CRI call that cannot be answered as asked. The kind decides the gRPC code ({@link GrpcErrors}), the message is for the user. */
public final class CriException extends Exception {
    /** Why, as far as a client can act on it. */
    public enum Kind {
        INVALID,
        NOT_FOUND,
        ALREADY_EXISTS,
        FAILED_PRECONDITION,
        UNAVAILABLE,
        DEADLINE_EXCEEDED,
        CANCELLED,
        RESOURCE_EXHAUSTED,
        UNIMPLEMENTED,
        /** A registry wants (other) credentials. */
        DENIED,
        /** A registry cannot be reached or fails by itself; the kubelet knows it by the first word of the message. */
        REGISTRY_UNAVAILABLE,
        /** Content differs from its digest, or breaks its format. */
        CORRUPT,
        INTERNAL
    }

    private final Kind kind;

    public CriException(Kind kind, String message) {
        this(kind, message, null);
    }

    public CriException(Kind kind, String message, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
    }

    public Kind kind() {
        return kind;
    }

    public static CriException invalid(String message) {
        return new CriException(Kind.INVALID, message);
    }

    public static CriException notFound(String message) {
        return new CriException(Kind.NOT_FOUND, message);
    }

    public static CriException precondition(String message) {
        return new CriException(Kind.FAILED_PRECONDITION, message);
    }
}
