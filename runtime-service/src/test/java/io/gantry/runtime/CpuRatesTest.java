package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CpuRatesTest {
    private static final long SECOND = 1_000_000_000L;
    private final CpuRates rates = new CpuRates();

    @Test
    void needTwoReadingsASecondApart() {
        assertThat(rates.nanoCores("c", 10 * SECOND, 0)).isEmpty();
        assertThat(rates.nanoCores("c", 10 * SECOND + SECOND / 2, 5)).isEmpty();
        assertThat(rates.nanoCores("c", 12 * SECOND, SECOND)).hasValue(SECOND / 2);
    }

    @Test
    void followTheLastSeconds() {
        rates.nanoCores("c", 0, 0);
        rates.nanoCores("c", 10 * SECOND, 10 * SECOND);

        assertThat(rates.nanoCores("c", 20 * SECOND, 10 * SECOND)).hasValue(0);
    }

    @Test
    void startAfreshWhenTheCounterGoesBack() {
        rates.nanoCores("c", 0, 50);
        assertThat(rates.nanoCores("c", 5 * SECOND, 1)).isEmpty();
    }
}
