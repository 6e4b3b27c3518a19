package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.ContainerMetadata;
import io.gantry.cri.v1.KeyValue;
import io.gantry.image.ImageConfigFile;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CommandLineTest {
    static ImageConfigFile image(
            List<String> entrypoint, List<String> command, List<String> environment, String folder) {
        return new ImageConfigFile(
                "amd64",
                "",
                "linux",
                "",
                "",
                environment,
                entrypoint,
                command,
                folder,
                List.of(),
                List.of(),
                Map.of(),
                "",
                List.of());
    }

    private static List<String> words(String text) {
        return text == null ? List.of() : List.of(text.split(" "));
    }

    /** The table of "Define a Command and Arguments for a Container", every row. */
    @ParameterizedTest
    @CsvSource({
        "/ep-1, foo bar, , , /ep-1 foo bar",
        "/ep-1, foo bar, /ep-2, , /ep-2",
        "/ep-1, foo bar, , zoo boo, /ep-1 zoo boo",
        "/ep-1, foo bar, /ep-2, zoo boo, /ep-2 zoo boo",
        ", foo bar, , , foo bar",
        ", foo bar, , zoo, zoo",
    })
    void combinesImageAndPod(String entrypoint, String cmd, String command, String args, String expected)
            throws Exception {
        ContainerConfig config = ContainerConfig.newBuilder()
                .addAllCommand(words(command))
                .addAllArgs(words(args))
                .build();

        assertThat(CommandLine.arguments(config, image(words(entrypoint), words(cmd), List.of(), "")))
                .isEqualTo(words(expected));
    }

    @Test
    void refusesAnImageWithoutACommand() {
        ContainerConfig config = ContainerConfig.newBuilder()
                .setMetadata(ContainerMetadata.newBuilder().setName("web"))
                .build();

        assertThatThrownBy(() -> CommandLine.arguments(config, image(List.of(), List.of(), List.of(), "")))
                .isInstanceOf(CriException.class)
                .hasMessageContaining("web")
                .hasMessageContaining("neither ENTRYPOINT nor CMD");
    }

    @Test
    void keepsValuesAsBytesAndLetsThePodWin() throws Exception {
        ByteString latin = ByteString.copyFrom(new byte[] {(byte) 0xe9, '=', 'x'});
        ContainerConfig config = ContainerConfig.newBuilder()
                .addEnvs(KeyValue.newBuilder().setKey("WHO").setValue(latin))
                .addEnvs(KeyValue.newBuilder().setKey("PATH").setValue(ByteString.copyFromUtf8("/mine")))
                .build();

        List<ByteString> environment = CommandLine.environment(
                config,
                image(List.of(), List.of(), List.of("PATH=/image", "A=b=c", "LAST=no"), ""),
                "host",
                "/home/u",
                List.of("LAST=a=b"));

        assertThat(environment)
                .contains(
                        ByteString.copyFromUtf8("PATH=/mine"),
                        ByteString.copyFromUtf8("A=b=c"),
                        ByteString.copyFromUtf8("HOSTNAME=host"),
                        ByteString.copyFromUtf8("HOME=/home/u"),
                        ByteString.copyFromUtf8("LAST=a=b"),
                        ByteString.copyFromUtf8("WHO=").concat(latin))
                .doesNotContain(ByteString.copyFromUtf8("PATH=/image"));
    }

    @Test
    void refusesANameThatWouldSplit() {
        ContainerConfig config = ContainerConfig.newBuilder()
                .addEnvs(KeyValue.newBuilder().setKey("A=B").setValue(ByteString.EMPTY))
                .build();

        assertThatThrownBy(() ->
                        CommandLine.environment(config, image(List.of(), List.of(), List.of(), ""), "h", "", List.of()))
                .isInstanceOf(CriException.class)
                .hasMessageContaining("A=B");
    }

    @Test
    void makesTheWorkingFolderAbsolute() {
        assertThat(CommandLine.workingDirectory(
                        ContainerConfig.getDefaultInstance(), image(List.of(), List.of(), List.of(), "app")))
                .isEqualTo("/app");
        assertThat(CommandLine.workingDirectory(
                        ContainerConfig.newBuilder().setWorkingDir("/over").build(),
                        image(List.of(), List.of(), List.of(), "/app")))
                .isEqualTo("/over");
        assertThat(CommandLine.workingDirectory(
                        ContainerConfig.getDefaultInstance(), image(List.of(), List.of(), List.of(), "")))
                .isEqualTo("/");
    }
}
