package io.gantry.conformance;

import io.gantry.cri.v1.AttachRequest;
import io.gantry.cri.v1.ExecRequest;
import io.gantry.cri.v1.PortForwardRequest;
import java.io.IOException;
import java.util.List;

/** Sessions with the streaming server, begun over the CRI as a kubelet does. */
enum Streaming {
    SPDY {
        @Override
        StreamSession open(String url, StreamSession.Wanted wanted) throws IOException {
            return new SpdySession(url, wanted);
        }
    },
    WEBSOCKET {
        @Override
        StreamSession open(String url, StreamSession.Wanted wanted) throws IOException {
            return new WebSocketSession(url);
        }
    };

    abstract StreamSession open(String url, StreamSession.Wanted wanted) throws IOException;

    StreamSession exec(Cri cri, String container, StreamSession.Wanted wanted, String... command) throws IOException {
        return open(execUrl(cri, container, wanted, command), wanted);
    }

    static String execUrl(Cri cri, String container, StreamSession.Wanted wanted, String... command) {
        return cri.runtime()
                .exec(ExecRequest.newBuilder()
                        .setContainerId(container)
                        .addAllCmd(List.of(command))
                        .setStdin(wanted.stdin())
                        .setStdout(wanted.stdout())
                        .setStderr(wanted.stderr())
                        .setTty(wanted.tty())
                        .build())
                .getUrl();
    }

    StreamSession attach(Cri cri, String container, StreamSession.Wanted wanted) throws IOException {
        return open(
                cri.runtime()
                        .attach(AttachRequest.newBuilder()
                                .setContainerId(container)
                                .setStdin(wanted.stdin())
                                .setStdout(wanted.stdout())
                                .setStderr(wanted.stderr())
                                .setTty(wanted.tty())
                                .build())
                        .getUrl(),
                wanted);
    }

    static SpdyConnection portForward(Cri cri, String pod) throws IOException {
        return new SpdyConnection(
                cri.runtime()
                        .portForward(PortForwardRequest.newBuilder()
                                .setPodSandboxId(pod)
                                .build())
                        .getUrl(),
                "portforward.k8s.io");
    }
}
