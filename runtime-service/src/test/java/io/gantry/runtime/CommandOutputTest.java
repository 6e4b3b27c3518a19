package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CommandOutputTest {
    @TempDir
    private Path folder;

    private static byte[] piece(int number, int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (number + i);
        }
        return bytes;
    }

    private void assertKept(int pieces, int length, int limit) throws Exception {
        try (CommandOutput output = new CommandOutput(folder, limit)) {
            ByteString all = ByteString.EMPTY;
            for (int i = 0; i < pieces; i++) {
                output.add(piece(i, length));
                all = all.concat(ByteString.copyFrom(piece(i, length)));
            }
            assertThat(output.size()).isEqualTo(Math.min(all.size(), limit));
            assertThat(output.bytes()).isEqualTo(all.substring(0, Math.min(all.size(), limit)));
        }
        assertNothingLeft();
    }

    private void assertNothingLeft() throws IOException {
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void littleAndMuchAndNothingIsKeptAsItCame() throws Exception {
        assertKept(0, 0, 1 << 20);
        assertKept(3, 100, 1 << 20);
        assertKept(40, 60_001, 16 << 20);
    }

    @Test
    void whatIsBeyondTheLimitIsDropped() throws Exception {
        assertKept(3, 100, 250);
        assertKept(3, 100, 300);
        assertKept(40, 60_001, 1_000_000);
    }

    @Test
    void theFileHasNoNameWhileItIsWritten() throws Exception {
        try (CommandOutput output = new CommandOutput(folder, 16 << 20)) {
            output.add(new byte[1 << 20]);
            assertNothingLeft();
            assertThat(output.bytes().size()).isEqualTo(1 << 20);
        }
    }
}
