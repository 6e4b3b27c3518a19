package io.gantry.cni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.cni.CniException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Plugins that misbehave as processes. */
@Timeout(120)
class ExecPluginTest {
    private static final Attachment POD =
            new Attachment("pod1", Path.of("/proc/self/ns/net"), "eth0", Map.of(), CapabilityArgs.NONE);

    @TempDir
    Path dir;

    private FakePlugins fake;
    private Cni cni;

    @BeforeEach
    void setUp() throws IOException {
        fake = new FakePlugins(dir);
        fake.chain("1.0.0", "first");
        cni = new Cni(fake.config());
    }

    private void assertAddFails(Kind kind, String message) {
        assertThatThrownBy(() -> cni.add(POD)).isInstanceOfSatisfying(CniException.class, e -> {
            assertThat(e.kind()).isEqualTo(kind);
            assertThat(e).hasMessageContaining(message);
        });
    }

    @Test
    void processTreeIsKilledAtTheTimeout() throws Exception {
        fake.behaviour("first", "ADD", "sleep 600 & echo $! >\"$top/child\"; wait\n");
        cni = new Cni(fake.config(Duration.ofSeconds(2)));

        assertAddFails(Kind.UNAVAILABLE, "did not end within 2000 ms");

        long child = Long.parseLong(Files.readString(dir.resolve("child")).strip());
        ProcessHandle.of(child).ifPresent(handle -> handle.onExit().join());
        assertThat(fake.calls()).containsExactly("first ADD", "first DEL");
    }

    @Test
    void outputIsCapped() throws Exception {
        fake.behaviour("first", "ADD", "head -c 2000000 /dev/zero\n");

        assertAddFails(Kind.INTERNAL, "its output exceeds 1048576 bytes");
    }

    @Test
    void resultMustBeAnObject() throws Exception {
        fake.answer("first", "ADD", 0, "[1]");

        assertAddFails(Kind.INTERNAL, "its result is not a JSON object: [1]");
    }

    @Test
    void addressOfTheResultMustBeOne() throws Exception {
        fake.answer("first", "ADD", 0, "{\"ips\":[{\"address\":\"localhost/8\"}]}");

        assertAddFails(Kind.INTERNAL, "\"localhost\" is not an IP address");
        assertThat(fake.calls()).containsExactly("first ADD", "first DEL");
    }

    @Test
    void largeConfigurationAndUnreadInputDoNotBlock() throws Exception {
        String padding = "x".repeat(300_000);
        fake.network(
                "00-large.conflist",
                "{\"cniVersion\":\"1.0.0\",\"name\":\"large\",\"plugins\":[{\"type\":\"first\",\"pad\":\"" + padding
                        + "\"}]}");
        fake.answer("first", "ADD", 0, "{}");
        cni.add(POD);
        assertThat(fake.input(0).path("pad").asText()).isEqualTo(padding);

        Files.writeString(dir.resolve("bin/first"), "#!/bin/sh\necho '{}'\n");
        assertThat(cni.add(POD).ips()).isEmpty();
    }

    @Test
    void processLeftBehindDoesNotHoldTheCall() throws Exception {
        fake.behaviour("first", "ADD", "sleep 600 & echo $! >\"$top/child\"\n");
        fake.answer("first", "ADD", 0, "{}");

        assertThat(cni.add(POD).ips()).isEmpty();

        long child = Long.parseLong(Files.readString(dir.resolve("child")).strip());
        assertThat(ProcessHandle.of(child)).hasValueSatisfying(ProcessHandle::destroyForcibly);
    }

    @Test
    void interruptedCallerStillGetsItsAttachmentUndone() throws Exception {
        fake.behaviour("first", "ADD", "echo >\"$top/started\"; sleep 600\n");
        Thread caller = Thread.ofPlatform().start(() -> assertAddFails(Kind.UNAVAILABLE, "was interrupted"));
        while (caller.isAlive() && !Files.exists(dir.resolve("started"))) {
            Thread.onSpinWait();
        }
        caller.interrupt();
        caller.join();

        assertThat(fake.calls()).containsExactly("first ADD", "first DEL");
        assertThat(fake.records()).isEmpty();
    }
}
