package io.gantry.cri;

import io.grpc.Status;
import io.grpc.StatusException;

/** The one place where failures of calls become gRPC codes. */
public final class GrpcErrors {
    /** The prefix by which the kubelet knows a registry that is down (cri-api, pkg/errors); it looks at it under the code UNKNOWN only. */
    private static final String REGISTRY_UNAVAILABLE = "RegistryUnavailable: ";

    private GrpcErrors() {}

    /** What the CRI's clients expect for a failure. */
    public static StatusException of(CriException failure) {
        String message = String.valueOf(failure.getMessage());
        Status status = switch (failure.kind()) {
            case INVALID -> Status.INVALID_ARGUMENT;
            case NOT_FOUND -> Status.NOT_FOUND;
            case ALREADY_EXISTS -> Status.ALREADY_EXISTS;
            case FAILED_PRECONDITION -> Status.FAILED_PRECONDITION;
            case UNAVAILABLE -> Status.UNAVAILABLE;
            case DEADLINE_EXCEEDED -> Status.DEADLINE_EXCEEDED;
            case CANCELLED -> Status.CANCELLED;
            case RESOURCE_EXHAUSTED -> Status.RESOURCE_EXHAUSTED;
            case UNIMPLEMENTED -> Status.UNIMPLEMENTED;
            case DENIED -> Status.PERMISSION_DENIED;
            case REGISTRY_UNAVAILABLE -> Status.UNKNOWN;
            case CORRUPT -> Status.DATA_LOSS;
            case INTERNAL -> Status.INTERNAL;
        };
        if (failure.kind() == CriException.Kind.REGISTRY_UNAVAILABLE) {
            message = REGISTRY_UNAVAILABLE + message;
        }
        return status.withDescription(message).withCause(failure).asException();
    }
}
