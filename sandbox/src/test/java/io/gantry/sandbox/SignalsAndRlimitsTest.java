package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SignalsAndRlimitsTest {
    @ParameterizedTest
    @CsvSource({
        "SIGTERM, 15",
        "TERM, 15",
        "sigkill, 9",
        "15, 15",
        "SIGRTMIN, 34",
        "SIGRTMIN+3, 37",
        "RTMAX-1, 63",
        "SIGUSR1, 10",
        "SIGSYS, 31",
        "SIGWINCH, 28",
        "POLL, 29",
        "64, 64"
    })
    void signals(String text, int number) throws Exception {
        assertThat(Signals.parse(text)).isEqualTo(number);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "65", "-1", "SIGNOTHING", "SIGRTMIN+31", "RTMIN+", "RTMAX-x"})
    void notSignals(String text) {
        assertThatThrownBy(() -> Signals.parse(text)).isInstanceOf(SandboxException.class);
    }

    @Test
    void rlimits() throws Exception {
        assertThat(Rlimit.of("RLIMIT_NOFILE", 1, -1)).isEqualTo(new Rlimit(7, 1, -1, false));
        assertThat(Rlimit.of("core", 0, 0).number()).isEqualTo(4);
        assertThat(Rlimit.of("RTTIME", 0, 0).number()).isEqualTo(15);
        assertThatThrownBy(() -> Rlimit.of("RLIMIT_FUN", 0, 0)).isInstanceOf(SandboxException.class);
        Records records = new Records();
        Rlimit.of("NOFILE", 10, -1).asBestEffort().write(records);
        assertThat(Records.fields(records.toBytes())).containsExactly("rlimit-try", "7", "10", "max");
    }
}
