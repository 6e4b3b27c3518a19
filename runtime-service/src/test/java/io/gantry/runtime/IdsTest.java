package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.cri.CriException;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class IdsTest {
    private final TreeMap<String, String> known =
            new TreeMap<>(Map.of("abc1", "one", "abc2", "two", "abc", "short", "d", "dee"));

    @Test
    void areSixtyFourHexDigits() {
        assertThat(Ids.fresh()).matches("[0-9a-f]{64}").isNotEqualTo(Ids.fresh());
    }

    @Test
    void aUniquePrefixIsEnough() throws Exception {
        assertThat(Ids.resolve("pod", "abc2", known)).isEqualTo("two");
        assertThat(Ids.resolve("pod", "d", known)).isEqualTo("dee");
        assertThat(Ids.resolve("pod", "x", known)).isNull();
    }

    @Test
    void anExactIdWinsOverLongerOnes() throws Exception {
        assertThat(Ids.resolve("pod", "abc", known)).isEqualTo("short");
    }

    @Test
    void anAmbiguousPrefixIsRefused() {
        assertThatThrownBy(() -> Ids.resolve("pod", "ab", known))
                .isInstanceOf(CriException.class)
                .hasMessageContaining("ambiguous");
    }

    @Test
    void anEmptyOneIsRefused() {
        assertThatThrownBy(() -> Ids.resolve("pod", "", known)).isInstanceOf(CriException.class);
    }
}
