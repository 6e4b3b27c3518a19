package io.gantry.cni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BandwidthTest {
    @ParameterizedTest
    @CsvSource({
        "10M,10000000",
        "1Ki,1024",
        "1k,1000",
        "1.5G,1500000000",
        "2e6,2000000",
        "1000,1000",
        "1P,1000000000000000",
        "1500500m,1501"
    })
    void readsQuantities(String text, long bits) throws CniException {
        assertThat(Bandwidth.fromAnnotations(Map.of("kubernetes.io/ingress-bandwidth", text)))
                .isEqualTo(new Bandwidth(bits, 0xFFFF_FFFFL, 0, 0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "fast", "10 M", "-1M", "999", "2P", "1e99", "1M1"})
    void refusesWhatIsNone(String text) {
        assertThatThrownBy(() -> Bandwidth.fromAnnotations(Map.of("kubernetes.io/egress-bandwidth", text)))
                .isInstanceOfSatisfying(
                        CniException.class, e -> assertThat(e.kind()).isEqualTo(CniException.Kind.INVALID))
                .hasMessageContaining("kubernetes.io/egress-bandwidth");
    }

    @Test
    void isAbsentWithoutAnnotations() throws CniException {
        assertThat(Bandwidth.fromAnnotations(Map.of("other", "1"))).isNull();
    }
}
