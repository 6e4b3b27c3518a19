package io.gantry.image.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.image.ImageException;
import io.gantry.image.RegistryCredentials;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CredentialFileTest {
    @TempDir
    private Path folder;

    private String user(String host, String repository) throws ImageException {
        return CredentialFile.find(folder.resolve("config.json"), host, repository)
                .username();
    }

    @Test
    void longestMatchWins() throws Exception {
        Files.writeString(folder.resolve("config.json"), """
                {"auths": {
                  "https://index.docker.io/v1/": {"auth": "aHViOnA="},
                  "reg.example": {"username": "host", "password": "p"},
                  "reg.example/team": {"username": "team", "password": "p"},
                  "reg.example/team/app": {"username": "app", "password": "p", "identitytoken": "i"},
                  "*.cloud.example": {"username": "star", "password": "p"}
                }, "credsStore": "none"}
                """);

        assertThat(user("docker.io", "library/busybox")).isEqualTo("hub");
        assertThat(user("reg.example", "other")).isEqualTo("host");
        assertThat(user("reg.example", "team/x")).isEqualTo("team");
        assertThat(user("reg.example", "team/app")).isEqualTo("app");
        assertThat(user("reg.example", "team/app2")).isEqualTo("team");
        assertThat(user("a.cloud.example", "x")).isEqualTo("star");
        assertThat(user("a.b.cloud.example", "x")).isEmpty();
        assertThat(user("reg.example:5000", "x")).isEmpty();
    }

    @Test
    void missingFileHasNone() throws Exception {
        assertThat(CredentialFile.find(folder.resolve("none"), "a", "b")).isEqualTo(RegistryCredentials.NONE);
    }

    @Test
    void brokenFileIsNamedAndNotQuoted() throws Exception {
        Path file = Files.writeString(folder.resolve("config.json"), "{\"auths\": {\"a\": secret}}");

        assertThatThrownBy(() -> CredentialFile.find(file, "a", "b"))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining(file.toString())
                .message()
                .doesNotContain("secret");
        Files.writeString(file, "{\"auths\": {\"a\": {\"auth\": \"#secret#\"}}}");
        assertThatThrownBy(() -> CredentialFile.find(file, "a", "b"))
                .isInstanceOf(ImageException.class)
                .message()
                .doesNotContain("secret");
    }
}
