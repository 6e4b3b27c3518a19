package io.gantry.daemon;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One line a call: what, on which id, how long, with which code. Of a request only its ids are ever printed, so no credential can be.
 * The calls that a kubelet repeats every second are told at debug level, unless they fail.
 */
final class CallLog implements ServerInterceptor {
    private static final Logger LOG = LoggerFactory.getLogger("io.gantry.cri");

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        long start = System.nanoTime();
        String method = String.valueOf(call.getMethodDescriptor().getBareMethodName());
        String[] subject = {""};
        ServerCall<Q, A> logged = new SimpleForwardingServerCall<>(call) {
            @Override
            public void close(Status status, Metadata trailers) {
                log(method, subject[0], System.nanoTime() - start, status);
                super.close(status, trailers);
            }
        };
        return new SimpleForwardingServerCallListener<>(next.startCall(logged, headers)) {
            @Override
            public void onMessage(Q message) {
                subject[0] = subject(message);
                super.onMessage(message);
            }
        };
    }

    private static void log(String method, String subject, long nanos, Status status) {
        String millis = String.format(Locale.ROOT, "%.1f", nanos / 1e6);
        if (!status.isOk()) {
            LOG.warn(
                    "call={} {} ms={} code={} error=\"{}\"",
                    method,
                    subject,
                    millis,
                    status.getCode(),
                    status.getDescription());
        } else if (isRoutine(method)) {
            LOG.debug("call={} {} ms={} code=OK", method, subject, millis);
        } else {
            LOG.info("call={} {} ms={} code=OK", method, subject, millis);
        }
    }

    private static boolean isRoutine(String method) {
        return method.startsWith("List")
                || method.startsWith("Stream")
                || method.endsWith("Status")
                || method.endsWith("Stats")
                || method.equals("Version")
                || method.equals("ImageFsInfo")
                || method.equals("RuntimeConfig")
                || method.equals("ExecSync");
    }

    private static String subject(Object request) {
        if (!(request instanceof Message message)) {
            return "";
        }
        StringBuilder text = new StringBuilder();
        for (FieldDescriptor field : message.getDescriptorForType().getFields()) {
            switch (field.getName()) {
                case "pod_sandbox_id", "container_id" -> append(text, field.getName(), message.getField(field));
                case "image" -> {
                    if (message.getField(field) instanceof Message spec) {
                        append(
                                text,
                                "image",
                                spec.getField(spec.getDescriptorForType().findFieldByName("image")));
                    }
                }
                default -> {}
            }
        }
        return text.toString().strip();
    }

    private static void append(StringBuilder text, String name, Object value) {
        if (!value.toString().isEmpty()) {
            text.append(name)
                    .append('=')
                    .append(value.toString().replace('\n', ' '))
                    .append(' ');
        }
    }
}
