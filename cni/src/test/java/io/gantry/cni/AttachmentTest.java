package io.gantry.cni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AttachmentTest {
    @Test
    void argumentsThatCannotBeWrittenAreLeftOut() {
        assertThat(Attachment.kubernetesArgs("a;IP=10.0.0.1", "web", "pod1", "u=1"))
                .containsExactly(
                        Map.entry("IgnoreUnknown", "1"),
                        Map.entry("K8S_POD_NAME", "web"),
                        Map.entry("K8S_POD_INFRA_CONTAINER_ID", "pod1"));
    }

    @Test
    void otherArgumentsThatCannotBeWrittenAreRefused() {
        assertThatThrownBy(() -> attachment("pod1", "eth0", Map.of("IP", "10.0.0.1;MAC=x")))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "../pod", "pod 1", "-pod", "pod/1"})
    void containerIdMustBeOne(String id) {
        assertThatThrownBy(() -> attachment(id, "eth0", Map.of())).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", "a/b", "a:b", "a b", "sixteen-letters-"})
    void interfaceNameMustBeOne(String name) {
        assertThatThrownBy(() -> attachment("pod1", name, Map.of())).isInstanceOf(IllegalArgumentException.class);
    }

    private static Attachment attachment(String id, String ifName, Map<String, String> args) {
        return new Attachment(id, null, ifName, args, CapabilityArgs.NONE);
    }
}
