package io.gantry.conformance;

import io.gantry.cri.v1.RemovePodSandboxRequest;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives tests the daemon that all classes share. After each class every pod is removed, and anything that is then still on the
 * machine fails the class.
 */
final class DaemonExtension implements ParameterResolver, AfterAllCallback {
    private static final Namespace NAMESPACE = Namespace.create(DaemonExtension.class);

    /** Closed by JUnit when the last class is done. */
    private record Shared(DaemonUnderTest daemon) implements AutoCloseable {
        @Override
        public void close() {
            daemon.close();
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        Class<?> type = parameter.getParameter().getType();
        return type == DaemonUnderTest.class || type == Cri.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        DaemonUnderTest daemon = shared(context);
        return parameter.getParameter().getType() == Cri.class ? daemon.cri() : daemon;
    }

    private static DaemonUnderTest shared(ExtensionContext context) {
        return context.getRoot()
                .getStore(NAMESPACE)
                .getOrComputeIfAbsent(Shared.class, key -> new Shared(DaemonUnderTest.start()), Shared.class)
                .daemon();
    }

    @Override
    public void afterAll(ExtensionContext context) {
        DaemonUnderTest daemon = shared(context);
        daemon.cri()
                .listPods()
                .forEach(pod -> daemon.cri()
                        .runtime()
                        .removePodSandbox(RemovePodSandboxRequest.newBuilder()
                                .setPodSandboxId(pod.getId())
                                .build()));
        daemon.assertNothingLeft();
    }
}
