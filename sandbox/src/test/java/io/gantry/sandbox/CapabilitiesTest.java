package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class CapabilitiesTest {
    private static CapabilitySets of(List<String> add, List<String> drop) throws SandboxException {
        return Capabilities.of(add, drop, List.of());
    }

    @Test
    void namesAndBits() throws Exception {
        assertThat(Capabilities.bit("CAP_CHOWN")).isEqualTo(1);
        assertThat(Capabilities.bit("sys_admin")).isEqualTo(1L << 21);
        assertThat(Capabilities.bit("cap_checkpoint_restore")).isEqualTo(1L << 40);
        assertThat(Capabilities.names(1L << 40 | 1L << 13)).containsExactly("CAP_NET_RAW", "CAP_CHECKPOINT_RESTORE");
        assertThatThrownBy(() -> Capabilities.bit("CAP_FLY"))
                .isInstanceOfSatisfying(
                        SandboxException.class, e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.INVALID));
    }

    @Test
    void theDefaultSetIsTheFields() throws Exception {
        assertThat(Capabilities.defaults()).isEqualTo(0xa80425fbL);
        CapabilitySets sets = of(List.of(), List.of());
        assertThat(sets).isEqualTo(new CapabilitySets(0xa80425fbL, 0xa80425fbL, 0xa80425fbL, 0, 0));
    }

    @Test
    void addAndDrop() throws Exception {
        assertThat(of(List.of("NET_ADMIN"), List.of("CAP_CHOWN")).bounding()).isEqualTo((0xa80425fbL | 1L << 12) & ~1L);
        assertThat(of(List.of(), List.of("ALL"))).isEqualTo(CapabilitySets.NONE);
        assertThat(of(List.of("net_bind_service"), List.of("all")).bounding()).isEqualTo(1L << 10);
        assertThat(of(List.of("ALL"), List.of()).bounding()).isEqualTo(Capabilities.available());
        assertThat(of(List.of("ALL"), List.of("CHOWN")).bounding()).isEqualTo(Capabilities.available() & ~1L);
        assertThat(of(List.of("CHOWN"), List.of("CHOWN")).bounding() & 1).isZero();
        assertThatThrownBy(() -> of(List.of(), List.of("CAP_FLY"))).isInstanceOf(SandboxException.class);
    }

    @Test
    void ambientOnesAreInAllSets() throws Exception {
        CapabilitySets sets = Capabilities.of(List.of(), List.of("ALL"), List.of("NET_BIND_SERVICE"));
        long bit = 1L << 10;
        assertThat(sets).isEqualTo(new CapabilitySets(bit, bit, bit, bit, bit));
        assertThat(Capabilities.of(List.of(), List.of(), List.of()).ambient()).isZero();
    }

    @Test
    void privilegedHasAllThatThisProcessHas() {
        assertThat(Capabilities.privileged().effective()).isEqualTo(Capabilities.available());
        assertThat(Capabilities.privileged().ambient()).isZero();
    }
}
