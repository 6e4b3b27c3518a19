package io.gantry.runtime;

import io.gantry.cri.v1.ContainerMetadata;

/** What a client calls a container of a pod. */
record ContainerKey(String podId, String name, int attempt) {
    static ContainerKey of(String podId, ContainerMetadata metadata) {
        return new ContainerKey(podId, metadata.getName(), metadata.getAttempt());
    }

    @Override
    public String toString() {
        return name + " (attempt " + attempt + ") of pod " + podId;
    }
}
