package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads container logs as the kubelet does: every line must be TIME stdout|stderr P|F TEXT. */
final class CriLog {
    private static final Pattern LINE = Pattern.compile(
            "(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,9})?(?:Z|[+-]\\d\\d:\\d\\d)) (stdout|stderr) ([PF]) (.*)");

    /** One line; a partial one has no line end of its own. */
    record Line(Instant time, String stream, boolean partial, String text) {}

    private CriLog() {}

    static List<Line> read(Path file) {
        List<Line> lines = new ArrayList<>();
        try {
            String content = Files.readString(file, StandardCharsets.UTF_8);
            assertThat(content.isEmpty() || content.endsWith("\n"))
                    .as("%s ends with a line's end", file)
                    .isTrue();
            for (String line : content.lines().toList()) {
                Matcher parts = LINE.matcher(line);
                assertThat(parts.matches()).as("a line of %s: %s", file, line).isTrue();
                lines.add(new Line(
                        OffsetDateTime.parse(parts.group(1)).toInstant(),
                        parts.group(2),
                        parts.group(3).equals("P"),
                        parts.group(4)));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return lines;
    }

    /** What was written to one stream, put together again. */
    static String text(List<Line> lines, String stream) {
        StringBuilder text = new StringBuilder();
        lines.stream()
                .filter(line -> line.stream().equals(stream))
                .forEach(line -> text.append(line.text()).append(line.partial() ? "" : "\n"));
        return text.toString();
    }
}
