package io.gantry.runtime.streaming;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gantry.json.JsonNodes;

/**
 * How an exec or attach ended, as Kubernetes tells it on the error stream.
 *
 * @param json a metav1.Status, from protocol v4 on
 * @param text what older protocols send; empty for success
 */
record Outcome(String json, String text) {
    static final Outcome SUCCESS = new Outcome(JsonNodes.text(status("Success")), "");

    static Outcome exited(int code) {
        if (code == 0) {
            return SUCCESS;
        }
        String message = "command terminated with non-zero exit code: exit status " + code;
        ObjectNode status = status("Failure");
        status.put("reason", "NonZeroExitCode").put("message", message);
        cause(status).put("reason", "ExitCode").put("message", String.valueOf(code));
        return new Outcome(JsonNodes.text(status), message);
    }

    static Outcome failed(String what) {
        String message = "Internal error occurred: " + what;
        ObjectNode status = status("Failure");
        status.put("reason", "InternalError").put("message", message).put("code", 500);
        cause(status).put("message", what);
        return new Outcome(JsonNodes.text(status), message);
    }

    private static ObjectNode status(String status) {
        ObjectNode node = JsonNodes.object();
        node.putObject("metadata");
        return node.put("status", status);
    }

    private static ObjectNode cause(ObjectNode status) {
        return status.putObject("details").putArray("causes").addObject();
    }
}
