package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.CheckpointContainerRequest;
import io.gantry.cri.v1.CheckpointContainerResponse;
import io.gantry.cri.v1.CheckpointPodRequest;
import io.gantry.cri.v1.CheckpointPodResponse;
import io.gantry.cri.v1.RestorePodRequest;
import io.gantry.cri.v1.RestorePodResponse;
import io.gantry.cri.v1.RuntimeServiceGrpc;
import io.grpc.stub.StreamObserver;

/** The calls that are left for later: clients know the code, their users read the sentence. */
abstract class WithoutCheckpoints extends RuntimeServiceGrpc.RuntimeServiceImplBase {
    @Override
    public void checkpointContainer(
            CheckpointContainerRequest request, StreamObserver<CheckpointContainerResponse> observer) {
        refuse(observer, "checkpoint container " + request.getContainerId());
    }

    @Override
    public void checkpointPod(CheckpointPodRequest request, StreamObserver<CheckpointPodResponse> observer) {
        refuse(observer, "checkpoint pod " + request.getPodSandboxId());
    }

    @Override
    public void restorePod(RestorePodRequest request, StreamObserver<RestorePodResponse> observer) {
        refuse(observer, "restore a pod");
    }

    private static <T> void refuse(StreamObserver<T> observer, String tried) {
        Answer.to(observer, () -> {
            throw new CriException(
                    CriException.Kind.UNIMPLEMENTED,
                    tried + ": gantry does not serve checkpoints yet; nothing was stopped or written");
        });
    }
}
