package io.gantry.runtime;

import io.gantry.cni.CniStatus;
import io.gantry.cri.v1.RuntimeCondition;
import io.gantry.cri.v1.RuntimeFeatures;
import io.gantry.cri.v1.RuntimeHandler;
import io.gantry.cri.v1.RuntimeHandlerFeatures;
import io.gantry.cri.v1.RuntimeStatus;
import io.gantry.cri.v1.StatusResponse;
import io.gantry.linux.KernelProbes;

/** Whether the node can run pods, and what it can do for them: told from probes, never from version numbers. */
final class NodeStatus {
    private final Node node;
    private final boolean recursiveReadOnly = KernelProbes.mountSetattr();

    NodeStatus(Node node) {
        this.node = node;
    }

    StatusResponse status(boolean verbose) {
        CniStatus network = node.cni().status();
        StatusResponse.Builder response = StatusResponse.newBuilder()
                .setStatus(RuntimeStatus.newBuilder()
                        .addConditions(RuntimeCondition.newBuilder()
                                .setType("RuntimeReady")
                                .setStatus(true))
                        .addConditions(RuntimeCondition.newBuilder()
                                .setType("NetworkReady")
                                .setStatus(network.ready())
                                .setReason(network.reason())
                                .setMessage(network.message())))
                .addRuntimeHandlers(handler(""))
                .addRuntimeHandlers(handler(node.handler()))
                .setFeatures(RuntimeFeatures.newBuilder()
                        .setSupplementalGroupsPolicy(true)
                        .setMountOptions(true)
                        .setUserNamespacesHostNetwork(
                                node.userNamespaces().support().inHostNetwork()));
        if (verbose) {
            Inspection.status(node, network).forEach(response::putInfo);
        }
        return response.build();
    }

    private RuntimeHandler handler(String name) {
        return RuntimeHandler.newBuilder()
                .setName(name)
                .setFeatures(RuntimeHandlerFeatures.newBuilder()
                        .setRecursiveReadOnlyMounts(recursiveReadOnly)
                        .setUserNamespaces(node.userNamespaces().support().pods()))
                .build();
    }
}
