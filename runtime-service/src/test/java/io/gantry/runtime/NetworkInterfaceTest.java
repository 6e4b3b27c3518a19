package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class NetworkInterfaceTest {
    @Test
    void theLoopbackAndTheHeadingsAreLeftOut() {
        String file = """
                Inter-|   Receive                                                |  Transmit
                 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
                    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
                  eth0:1234567      11   12   13    0     0          0         0      890      21   22   23    0     0       0          0
                """;
        assertThat(NetworkInterface.parse(file))
                .containsExactly(new NetworkInterface("eth0", 1234567, 11, 12, 13, 890, 21, 22, 23));
    }

    @Test
    void eachOfSeveralIsTold() {
        String file = """
                    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
                 net1:0:      1       2    3    4    0     0          0         0        5       6    7    8    0     0       0          0
                  eth0:18446744073709551615 2    3    4    0     0          0         0        5       6    7    8    0     0       0          0
                a line that is none
                """;
        assertThat(NetworkInterface.parse(file))
                .containsExactly(
                        new NetworkInterface("net1:0", 1, 2, 3, 4, 5, 6, 7, 8),
                        new NetworkInterface("eth0", -1, 2, 3, 4, 5, 6, 7, 8));
    }
}
