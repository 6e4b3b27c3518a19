package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.PodSandboxConfig;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** A daemon whose network has one address: the second pod's cannot be set up. */
@Tag("blackbox")
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NetworkFailureTest {
    private final DaemonUnderTest daemon = DaemonUnderTest.startAlone();

    @BeforeAll
    void makeTheNetworkSmall() throws IOException {
        daemon.end(true);
        String conflist = Files.readString(daemon.conflist());
        // One address for the bridge, one for a pod.
        assertThat(conflist).contains(".0/24");
        Files.writeString(daemon.conflist(), conflist.replace(".0/24", ".0/30"));
        daemon.startAgain();
    }

    @AfterAll
    void close() {
        daemon.close();
    }

    @Test
    void aPodWhoseNetworkFailsLeavesNothing() {
        Cri cri = daemon.cri();
        PodSandboxConfig.Builder refused = TestPod.config(cri);
        try (TestPod first = TestPod.run(cri)) {
            Status status = Cri.failureOf(() -> TestPod.runSandbox(cri, refused.build()));
            assertThat(status.getDescription()).contains("no IP addresses available");
            assertThat(cri.listPods()).extracting("id").containsExactly(first.id());
        }
        daemon.assertNothingLeft();
        // Name and address are free again.
        try (TestPod next = TestPod.run(cri, config -> config.mergeFrom(refused.build()))) {
            assertThat(cri.podStatus(next.id()).getNetwork().getIp()).endsWith(".2");
        }
    }
}
