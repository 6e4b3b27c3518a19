package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.gantry.cri.v1.CgroupDriver;
import io.gantry.cri.v1.CheckpointContainerRequest;
import io.gantry.cri.v1.CheckpointPodRequest;
import io.gantry.cri.v1.ImageServiceGrpc;
import io.gantry.cri.v1.NetworkConfig;
import io.gantry.cri.v1.RestorePodRequest;
import io.gantry.cri.v1.RuntimeCondition;
import io.gantry.cri.v1.RuntimeConfig;
import io.gantry.cri.v1.RuntimeServiceGrpc;
import io.gantry.cri.v1.StatusRequest;
import io.gantry.cri.v1.StatusResponse;
import io.gantry.cri.v1.UpdateRuntimeConfigRequest;
import io.gantry.cri.v1.UpdateRuntimeConfigResponse;
import io.gantry.cri.v1.VersionRequest;
import io.gantry.cri.v1.VersionResponse;
import io.grpc.CallOptions;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

@BlackBox
class RuntimeTest {
    private static final Pattern ROW = Pattern.compile("\\| `(\\w+)` \\| (served|UNIMPLEMENTED) \\|.*");

    private final Cri cri;
    private final DaemonUnderTest daemon;

    RuntimeTest(Cri cri, DaemonUnderTest daemon) {
        this.cri = cri;
        this.daemon = daemon;
    }

    @Test
    void theVersionHasNoEmptyPart() {
        VersionResponse version = cri.runtime().version(VersionRequest.getDefaultInstance());
        assertThat(version.getVersion()).isNotEmpty();
        assertThat(version.getRuntimeName()).isEqualTo("gantry");
        assertThat(version.getRuntimeVersion()).matches("\\d+\\.\\d+\\.\\d+.*");
        assertThat(version.getRuntimeApiVersion()).isEqualTo("v1");
    }

    @Test
    void theRuntimeAndItsNetworkAreReady() {
        StatusResponse status =
                cri.runtime().status(StatusRequest.newBuilder().setVerbose(true).build());
        assertThat(status.getStatus().getConditionsList())
                .extracting(RuntimeCondition::getType, RuntimeCondition::getStatus)
                .contains(tuple("RuntimeReady", true), tuple("NetworkReady", true));
        assertThat(status.getRuntimeHandlersList())
                .anyMatch(handler -> handler.getName().isEmpty());
        assertThat(status.getFeatures().getSupplementalGroupsPolicy()).isTrue();
        assertThat(status.getFeatures().getMountOptions()).isTrue();
        assertThat(status.getInfoOrThrow("config")).startsWith("{");
        assertThat(cri.runtime().status(StatusRequest.getDefaultInstance()).getInfoMap())
                .isEmpty();
    }

    @Test
    void theNetworkIsReadyOnlyWithAConflistAndTheFolderIsWatched() throws IOException {
        Path conflist = daemon.conflist();
        Path aside = daemon.dir().resolve("aside");
        Files.move(conflist, aside);
        try {
            Wait.until("the network is not ready", () -> !networkReady());
        } finally {
            Files.move(aside, conflist);
        }
        Wait.until("the network is ready again", this::networkReady);
    }

    private boolean networkReady() {
        return cri.runtime().status(StatusRequest.getDefaultInstance()).getStatus().getConditionsList().stream()
                .anyMatch(condition -> condition.getType().equals("NetworkReady") && condition.getStatus());
    }

    @Test
    void theCgroupDriverIsTold() {
        // v1 has the cgroupfs driver only.
        assertThat(cri.cgroupDriver())
                .isIn(Cgroups.V2 ? List.of(CgroupDriver.values()) : List.of(CgroupDriver.CGROUPFS));
    }

    @Test
    void aPodCidrIsTakenAndNeedNotBeGiven() {
        for (String cidr : List.of("10.88.0.0/16", "")) {
            assertThat(cri.runtime()
                            .updateRuntimeConfig(UpdateRuntimeConfigRequest.newBuilder()
                                    .setRuntimeConfig(RuntimeConfig.newBuilder()
                                            .setNetworkConfig(
                                                    NetworkConfig.newBuilder().setPodCidr(cidr)))
                                    .build()))
                    .isEqualTo(UpdateRuntimeConfigResponse.getDefaultInstance());
        }
        // The network is the CNI configuration's, and goes on.
        assertThat(networkReady()).isTrue();
    }

    @Test
    void whatIsLeftForLaterSaysSo() {
        List<Status> answers = List.of(
                Cri.failureOf(() -> cri.runtime()
                        .checkpointContainer(CheckpointContainerRequest.newBuilder()
                                .setContainerId("some")
                                .build())),
                Cri.failureOf(() -> cri.runtime().checkpointPod(CheckpointPodRequest.getDefaultInstance())),
                Cri.failureOf(() -> cri.runtime().restorePod(RestorePodRequest.getDefaultInstance())));
        assertThat(answers).allSatisfy(answer -> {
            assertThat(answer.getCode()).isEqualTo(Status.Code.UNIMPLEMENTED);
            assertThat(answer.getDescription()).contains("does not serve checkpoints yet");
        });
        assertThat(answers.getFirst().getDescription()).contains("container some");
    }

    @Test
    void manyIdleConnectionsAreStood() {
        List<Cri> connections =
                Stream.generate(() -> new Cri(daemon.dir())).limit(200).toList();
        try {
            for (Cri connection : connections) {
                assertThat(connection
                                .runtime()
                                .version(VersionRequest.getDefaultInstance())
                                .getRuntimeName())
                        .isEqualTo("gantry");
            }
        } finally {
            connections.forEach(Cri::close);
        }
    }

    /** CRI.md says of each call whether it is served; this asks. */
    @TestFactory
    Collection<DynamicTest> everyCallIsAsTheTableSays() throws IOException {
        Map<String, Boolean> served = new TreeMap<>();
        for (String line :
                Files.readAllLines(Path.of(Objects.requireNonNull(System.getProperty("conformance.dir")), "CRI.md"))) {
            Matcher row = ROW.matcher(line);
            if (row.matches()) {
                served.put(row.group(1), row.group(2).equals("served"));
            }
        }
        List<MethodDescriptor<?, ?>> methods = Stream.concat(
                        RuntimeServiceGrpc.getServiceDescriptor().getMethods().stream(),
                        ImageServiceGrpc.getServiceDescriptor().getMethods().stream())
                .<MethodDescriptor<?, ?>>map(method -> method)
                .toList();
        assertThat(served.keySet())
                .containsExactlyInAnyOrderElementsOf(methods.stream()
                        .map(MethodDescriptor::getBareMethodName)
                        .toList());
        return methods.stream()
                .map(method -> {
                    String name = String.valueOf(method.getBareMethodName());
                    boolean expected = Objects.requireNonNull(served.get(name));
                    return DynamicTest.dynamicTest(
                            name,
                            () -> assertThat(isServed(method))
                                    .as("whether %s is served", name)
                                    .isEqualTo(expected));
                })
                .toList();
    }

    /** An empty request: it may fail in any way but one. */
    private <Q, A> boolean isServed(MethodDescriptor<Q, A> method) {
        Q request = method.parseRequest(new ByteArrayInputStream(new byte[0]));
        try {
            Iterator<A> answers = ClientCalls.blockingServerStreamingCall(
                    cri.channel(), method, CallOptions.DEFAULT.withDeadlineAfter(2, TimeUnit.SECONDS), request);
            answers.forEachRemaining(answer -> {});
            return true;
        } catch (StatusRuntimeException e) {
            return e.getStatus().getCode() != Status.Code.UNIMPLEMENTED;
        }
    }
}
