package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.ContainerMetadata;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.sandbox.Rlimit;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ContainerRlimitsTest {
    private static final ContainerConfig WEB = ContainerConfig.newBuilder()
            .setMetadata(ContainerMetadata.newBuilder().setName("web"))
            .build();

    private static List<Rlimit> limits(String key, String value) throws CriException {
        PodSandboxConfig pod =
                PodSandboxConfig.newBuilder().putAnnotations(key, value).build();
        return ContainerRlimits.of(pod, WEB, new HostFacts.Limit(10, 20));
    }

    @Test
    void theAnnotationOfTheContainerCounts() throws CriException {
        String value =
                "- type: RLIMIT_MEMLOCK\n  soft: 1024\n  hard: 18446744073709551615\n- {type: nofile, soft: 5, hard: 6}\n";
        for (String key :
                List.of("ulimits.noderesource.dev/container.web", "ulimits.nri.containerd.io/container.web")) {
            assertThat(limits(key, value))
                    .containsExactlyInAnyOrder(new Rlimit(8, 1024, -1, false), new Rlimit(7, 5, 6, false));
        }
    }

    @Test
    void othersDoNot() throws CriException {
        assertThat(limits("ulimits.noderesource.dev/container.other", "nonsense"))
                .containsExactly(new Rlimit(7, 10, 20, true));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "nonsense",
                "- type: [",
                "- {type: nofile, soft: 7, hard: 6}",
                "- {type: none, soft: 1, hard: 2}",
                "- {type: nofile, soft: -1, hard: 2}",
                "- {type: nofile, soft: many, hard: 2}",
                "- {soft: 1, hard: 2}",
                "- 5"
            })
    void nonsenseIsRefused(String value) {
        String key = "ulimits.noderesource.dev/container.web";
        assertThatThrownBy(() -> limits(key, value))
                .isInstanceOfSatisfying(
                        CriException.class, e -> assertThat(e.kind()).isEqualTo(CriException.Kind.INVALID))
                .hasMessageContaining(key);
    }
}
