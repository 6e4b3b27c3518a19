package io.gantry.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MainTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private int run(String line) {
        return Main.run(
                List.of(line.split(" ")),
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8));
    }

    @Test
    void tellsItsVersion() {
        assertThat(run("version")).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).startsWith("gantry ");
    }

    @Test
    void printsTheDefaults() {
        assertThat(run("config default")).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("[image]").contains("socket = ");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "srve|2|unknown command srve",
                "config|2|config takes",
                "serve --socket|2|needs a value",
                "serve --sokcet /x|2|unknown flag --sokcet",
                "serve --set root|2|KEY=VALUE",
                "serve --set no.such=1|1|unknown setting no.such",
                "serve --root relative|1|not an absolute path",
                "serve --config /no/such/file|1|/no/such/file",
                "reset --root relative|1|not an absolute path",
                "rehearse --sokcet /x|2|unknown flag --sokcet",
                "check --log-level loud|1|one of error, warn, info, debug",
            })
    void tellsWhatIsWrong(String line, int code, String message) {
        assertThat(run(line)).isEqualTo(code);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains(message);
    }
}
