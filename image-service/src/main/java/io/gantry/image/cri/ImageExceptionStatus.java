package io.gantry.image.cri;

import io.gantry.image.ImageException;
import io.grpc.Status;

/** The one place that turns an {@link ImageException} into a gRPC status. */
public final class ImageExceptionStatus {
    /** The prefix by which the kubelet knows a registry that is down (cri-api, pkg/errors). */
    private static final String REGISTRY_UNAVAILABLE = "RegistryUnavailable: ";

    private ImageExceptionStatus() {}

    /** The status that the CRI's clients expect for {@code failure}. */
    public static Status of(ImageException failure) {
        String message = String.valueOf(failure.getMessage());
        Status status = switch (failure.kind()) {
            case NOT_FOUND -> Status.NOT_FOUND;
            case INVALID -> Status.INVALID_ARGUMENT;
            case DENIED -> Status.PERMISSION_DENIED;
            case REGISTRY_UNAVAILABLE -> Status.UNKNOWN;
            case CORRUPT -> Status.DATA_LOSS;
            case NO_SPACE -> Status.RESOURCE_EXHAUSTED;
            case CANCELLED -> Status.CANCELLED;
            case INTERNAL -> Status.INTERNAL;
        };
        if (failure.kind() == ImageException.Kind.REGISTRY_UNAVAILABLE) {
            message = REGISTRY_UNAVAILABLE + message;
        }
        return status.withDescription(message).withCause(failure);
    }
}
