package io.gantry.runtime;

import io.gantry.cri.v1.PodSandboxMetadata;

/** What a client calls a pod: no two pods that exist at the same time share one. */
record PodKey(String namespace, String name, String uid, int attempt) {
    static PodKey of(PodSandboxMetadata metadata) {
        return new PodKey(metadata.getNamespace(), metadata.getName(), metadata.getUid(), metadata.getAttempt());
    }

    @Override
    public String toString() {
        return namespace + "/" + name + " (uid " + uid + ", attempt " + attempt + ")";
    }
}
