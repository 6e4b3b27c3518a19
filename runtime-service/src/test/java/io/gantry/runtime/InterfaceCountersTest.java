package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.NetworkUsage;
import java.util.List;
import org.junit.jupiter.api.Test;

class InterfaceCountersTest {
    private static final List<String> HEADINGS = List.of(
            "Inter-|   Receive                                                |  Transmit",
            " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed");

    @Test
    void thePodsOwnInterfaceIsTheDefaultOneAndLoopbackIsLeftOut() {
        NetworkUsage usage = InterfaceCounters.parse(
                List.of(
                        HEADINGS.get(0),
                        HEADINGS.get(1),
                        "    lo:      11       1    0    0    0     0          0         0      11       1    0    0    0     0       0          0",
                        "  eth0:18446744073709551615   7    3    0    0     0   0     0     2002       9    4    0    0     0       0          0",
                        "  net1:     100       2    0    0    0     0          0         0     200       3    0    0    0     0       0          0"),
                42);
        assertThat(usage.getTimestamp()).isEqualTo(42);
        assertThat(usage.getDefaultInterface().getName()).isEqualTo("eth0");
        assertThat(usage.getDefaultInterface().getRxBytes().getValue()).isEqualTo(-1L);
        assertThat(usage.getDefaultInterface().getRxErrors().getValue()).isEqualTo(3);
        assertThat(usage.getDefaultInterface().getTxBytes().getValue()).isEqualTo(2002);
        assertThat(usage.getDefaultInterface().getTxErrors().getValue()).isEqualTo(4);
        assertThat(usage.getInterfacesList()).extracting("name").containsExactly("net1");
    }

    @Test
    void aProcessThatIsGoneHasNone() {
        assertThat(InterfaceCounters.of(Long.MAX_VALUE, 1)).isEmpty();
    }
}
