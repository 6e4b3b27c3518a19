package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.SELinuxOption;
import org.junit.jupiter.api.Test;

class SelinuxOptionsTest {
    private static final SELinuxOption PRIVILEGED =
            SELinuxOption.newBuilder().setType("spc_t").setLevel("s0").build();

    @Test
    void areRefusedWhereSelinuxIsOn() {
        assertThatThrownBy(() -> SelinuxOptions.check("container web", PRIVILEGED, true))
                .isInstanceOfSatisfying(
                        CriException.class, e -> assertThat(e.kind()).isEqualTo(CriException.Kind.UNIMPLEMENTED))
                .hasMessageContaining("container web")
                .hasMessageContaining("type \"spc_t\", level \"s0\"");
        assertThatThrownBy(() -> SelinuxOptions.check(
                        "container web",
                        SELinuxOption.newBuilder().setUser("user_u").build(),
                        true))
                .hasMessageContaining("user \"user_u\"");
    }

    @Test
    void haveNoEffectWhereItIsOff() {
        assertThatCode(() -> SelinuxOptions.check("container web", PRIVILEGED, false))
                .doesNotThrowAnyException();
    }

    @Test
    void thatAreNotGivenAreNoneAnywhere() {
        assertThatCode(() -> SelinuxOptions.check("container web", SELinuxOption.getDefaultInstance(), true))
                .doesNotThrowAnyException();
    }
}
