package io.gantry.runtime;

import io.gantry.image.ImageException;
import io.gantry.image.cri.ImageExceptionStatus;
import io.grpc.Status;
import io.grpc.StatusException;

/** Where failures of the runtime's calls become gRPC codes. */
final class GrpcErrors {
    private GrpcErrors() {}

    static StatusException of(CriException failure) {
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
            case INTERNAL -> Status.INTERNAL;
        };
        return status.withDescription(failure.getMessage()).withCause(failure).asException();
    }

    static StatusException of(ImageException failure) {
        return ImageExceptionStatus.of(failure).asException();
    }
}
