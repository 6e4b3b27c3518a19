package io.gantry.cni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.gantry.cni.CapabilityArgs.PortMapping;
import io.gantry.cni.CniException.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The order of calls and what passes between them, with plugins that write down how they were called. */
class CniTest {
    private static final Path NETNS = Path.of("/proc/self/ns/net");
    private static final String RESULT = """
            {"cniVersion":"1.0.0","interfaces":[{"name":"br0","mac":"aa:aa:aa:aa:aa:aa"},{"name":"eth0","sandbox":"/run/netns/x"}],
             "ips":[{"address":"10.1.2.3/24","gateway":"10.1.2.1","interface":1},{"address":"fd00::7/64","interface":1},
                    {"address":"192.0.2.1/32","interface":0}],
             "routes":[{"dst":"0.0.0.0/0","gw":"10.1.2.1"}],"dns":{"nameservers":["10.1.2.1"]}}
            """;

    @TempDir
    Path dir;

    private FakePlugins fake;
    private Cni cni;

    @BeforeEach
    void setUp() throws IOException {
        fake = new FakePlugins(dir);
        cni = new Cni(fake.config());
    }

    private static Attachment attachment(String id) {
        return new Attachment(
                id,
                NETNS,
                "eth0",
                Attachment.kubernetesArgs("default", "web", id, "uid-1"),
                CapabilityArgs.of(
                        List.of(new PortMapping(8080, 80, "tcp", "127.0.0.1")), null, null, "/kubepods/pod1"));
    }

    @Test
    void chainsPluginsAndGivesTheLastResult() throws Exception {
        fake.chain("1.0.0", "first", "second");
        fake.answer("first", "ADD", 0, RESULT);
        fake.answer("second", "ADD", 0, RESULT.replace("10.1.2.3", "10.1.2.4"));

        CniResult result = cni.add(attachment("pod1"));

        assertThat(fake.calls()).containsExactly("first ADD", "second ADD");
        assertThat(result.addressesOf("eth0")).containsExactly("10.1.2.4", "fd00::7");
        assertThat(result.dns().nameservers()).containsExactly("10.1.2.1");
        assertThat(fake.input(0).has("prevResult")).isFalse();
        assertThat(fake.input(0).path("own").asText()).isEqualTo("first");
        assertThat(fake.input(0).path("name").asText()).isEqualTo("test");
        assertThat(fake.input(0).path("cniVersion").asText()).isEqualTo("1.0.0");
        assertThat(fake.input(1).at("/prevResult/ips/0/address").asText()).isEqualTo("10.1.2.3/24");
    }

    @Test
    void passesTheParametersOfTheProtocolAndNoOthers() throws Exception {
        fake.chain("1.0.0", "first");
        fake.answer("first", "ADD", 0, RESULT);

        cni.add(attachment("pod1"));

        Map<String, String> environment = fake.environment(0);
        assertThat(environment)
                .containsEntry("CNI_COMMAND", "ADD")
                .containsEntry("CNI_CONTAINERID", "pod1")
                .containsEntry("CNI_NETNS", NETNS.toString())
                .containsEntry("CNI_IFNAME", "eth0")
                .containsEntry("CNI_PATH", dir.resolve("absent") + ":" + dir.resolve("bin"))
                .containsEntry(
                        "CNI_ARGS",
                        "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=pod1;"
                                + "K8S_POD_UID=uid-1")
                .containsKey("PATH");
    }

    @Test
    void givesOnlyDeclaredCapabilities() throws Exception {
        fake.chain("1.0.0", "first");
        fake.answer("first", "ADD", 0, RESULT);

        cni.add(attachment("pod1"));

        assertThat(fake.input(0).path("runtimeConfig").toString())
                .isEqualTo("{\"portMappings\":[{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"tcp\","
                        + "\"hostIP\":\"127.0.0.1\"}]}");
    }

    @Test
    void failedAddIsUndoneInReverseAndLeavesNoRecord() throws Exception {
        fake.chain("1.0.0", "first", "second", "third");
        fake.answer("first", "ADD", 0, RESULT);
        fake.answer("second", "ADD", 1, "{\"code\":7,\"msg\":\"bad subnet\",\"details\":\"10.1.2.0/33\"}");

        assertThatThrownBy(() -> cni.add(attachment("pod1"))).isInstanceOfSatisfying(CniException.class, e -> {
            assertThat(e.kind()).isEqualTo(Kind.PLUGIN_FAILED);
            assertThat(e.plugin()).isEqualTo("second");
            assertThat(e.code()).isEqualTo(7);
            assertThat(e)
                    .hasMessage("plugin second ADD of network test for pod1 eth0: bad subnet; 10.1.2.0/33 (code 7)");
        });

        assertThat(fake.calls()).containsExactly("first ADD", "second ADD", "third DEL", "second DEL", "first DEL");
        assertThat(fake.records()).isEmpty();
    }

    @Test
    void failedUndoKeepsTheRecordForTheNextDel() throws Exception {
        fake.chain("1.0.0", "first");
        fake.answer("first", "ADD", 1, "{\"code\":11,\"msg\":\"agent starting\"}");
        fake.answer("first", "DEL", 1, "{\"code\":11,\"msg\":\"agent starting\"}");

        assertThatThrownBy(() -> cni.add(attachment("pod1"))).isInstanceOfSatisfying(CniException.class, e -> {
            assertThat(e.kind()).isEqualTo(Kind.UNAVAILABLE);
            assertThat(e.getSuppressed()).hasSize(1);
        });
        assertThat(fake.records()).containsExactly("test-pod1-eth0");

        fake.answer("first", "DEL", 0, "");
        cni.del(attachment("pod1"));
        assertThat(fake.records()).isEmpty();
    }

    @Test
    void recordIsOnDiskBeforeTheFirstPluginRuns() throws Exception {
        fake.chain("1.0.0", "first");
        fake.answer("first", "ADD", 0, RESULT);
        fake.behaviour("first", "ADD", "cp \"$top/cache/results/test-pod1-eth0\" \"$top/intent\"\n");

        cni.add(attachment("pod1"));

        JsonNode intent = Json.parse(Files.readAllBytes(dir.resolve("intent")));
        assertThat(intent.path("kind").asText()).isEqualTo("cniCacheV1");
        assertThat(intent.path("netns").asText()).isEqualTo(NETNS.toString());
        assertThat(intent.has("result")).isFalse();
        JsonNode done = Json.parse(Files.readAllBytes(fake.cacheDir.resolve("results/test-pod1-eth0")));
        assertThat(done.at("/result/ips/0/address").asText()).isEqualTo("10.1.2.3/24");
        assertThat(done.at("/cniArgs/2/1").asText()).isEqualTo("web");
        assertThat(done.at("/capabilityArgs/cgroupPath").asText()).isEqualTo("/kubepods/pod1");
    }

    @Test
    void delGoesByTheNetworkOfTheTimeOfAdd() throws Exception {
        fake.chain("1.0.0", "first", "second");
        fake.answer("first", "ADD", 0, RESULT);
        fake.answer("second", "ADD", 0, RESULT);
        cni.add(attachment("pod1"));
        fake.network(
                "00-other.conflist",
                "{\"cniVersion\":\"1.0.0\",\"name\":\"other\",\"plugins\":[{\"type\":\"other\"}]}");

        cni.del(new Attachment("pod1", NETNS, "eth0", Map.of(), CapabilityArgs.NONE));

        assertThat(fake.calls()).containsExactly("first ADD", "second ADD", "second DEL", "first DEL");
        assertThat(fake.input(2).at("/prevResult/ips/0/address").asText()).isEqualTo("10.1.2.3/24");
        assertThat(fake.input(2).at("/runtimeConfig/portMappings/0/hostPort").asInt())
                .isEqualTo(8080);
        assertThat(fake.environment(3)).containsEntry("CNI_NETNS", NETNS.toString());
        assertThat(fake.environment(3).get("CNI_ARGS")).contains("K8S_POD_NAME=web");
        assertThat(fake.records()).isEmpty();
    }

    @Test
    void delCallsEveryPluginAndReportsTheFirstFailure() throws Exception {
        fake.chain("1.0.0", "first", "second");
        fake.answer("first", "ADD", 0, RESULT);
        fake.answer("second", "ADD", 0, RESULT);
        cni.add(attachment("pod1"));
        fake.answer("first", "DEL", 1, "no json");
        fake.answer("second", "DEL", 3, "");
        fake.behaviour("second", "DEL", "echo 'iptables: locked' >&2\n");

        assertThatThrownBy(() -> cni.del(attachment("pod1")))
                .isInstanceOf(CniException.class)
                .hasMessage("plugin second DEL of network test for pod1 eth0: exit code 3, stderr: iptables: locked")
                .satisfies(e -> assertThat(e.getSuppressed()[0]).hasMessageEndingWith("exit code 1, output: no json"));
        assertThat(fake.records()).containsExactly("test-pod1-eth0");
    }

    @Test
    void delRunsWithoutRecordAndWithoutNamespace() throws Exception {
        fake.chain("1.0.0", "first");
        Path plainFile = Files.createFile(dir.resolve("netns"));

        cni.del(new Attachment("pod1", plainFile, "eth0", Map.of(), CapabilityArgs.NONE));
        cni.del(attachment("pod1").withoutNetns());

        assertThat(fake.calls()).containsExactly("first DEL", "first DEL");
        assertThat(fake.environment(0)).doesNotContainKey("CNI_NETNS");
        assertThat(fake.environment(1)).doesNotContainKey("CNI_NETNS");
        assertThat(fake.input(0).has("prevResult")).isFalse();
    }

    @Test
    void delOfNothingWithoutNetworkIsDone() throws Exception {
        cni.del(attachment("pod1"));

        assertThat(fake.calls()).isEmpty();
    }

    @Test
    void unreadableRecordDoesNotStopDel() throws Exception {
        fake.chain("1.0.0", "first");
        Path results = Files.createDirectories(fake.cacheDir.resolve("results"));
        Files.writeString(results.resolve("test-pod1-eth0"), "");

        cni.del(attachment("pod1"));

        assertThat(fake.calls()).containsExactly("first DEL");
        assertThat(fake.records()).isEmpty();
    }

    @Test
    void olderVersionsGetNoResultOnDel() throws Exception {
        fake.chain("0.3.1", "first");
        fake.answer("first", "ADD", 0, RESULT);
        cni.add(attachment("pod1"));
        cni.del(attachment("pod1"));

        assertThat(fake.input(1).path("cniVersion").asText()).isEqualTo("0.3.1");
        assertThat(fake.input(1).has("prevResult")).isFalse();
    }

    @Test
    void checkPassesTheFinalResultToEveryPlugin() throws Exception {
        fake.chain("0.4.0", "first", "second");
        fake.answer("first", "ADD", 0, RESULT);
        fake.answer("second", "ADD", 0, RESULT.replace("10.1.2.3", "10.1.2.4"));
        cni.add(attachment("pod1"));

        cni.check(attachment("pod1"));

        assertThat(fake.calls()).endsWith("first CHECK", "second CHECK");
        assertThat(fake.input(2).at("/prevResult/ips/0/address").asText()).isEqualTo("10.1.2.4/24");
        assertThat(fake.input(2).at("/prevResult/ips/0/version").asText()).isEqualTo("4");
        assertThatThrownBy(() -> cni.check(attachment("pod2")))
                .isInstanceOfSatisfying(
                        CniException.class, e -> assertThat(e.kind()).isEqualTo(Kind.NOT_FOUND));
    }

    @Test
    void missingPluginFailsAddBeforeAnythingRuns() throws Exception {
        fake.chain("1.0.0", "first", "second");
        Files.delete(dir.resolve("bin/second"));

        assertThatThrownBy(() -> cni.add(attachment("pod1")))
                .isInstanceOfSatisfying(
                        CniException.class, e -> assertThat(e.kind()).isEqualTo(Kind.NOT_FOUND));
        assertThat(fake.calls()).isEmpty();
        assertThat(fake.records()).isEmpty();
    }

    @Test
    void statusTellsWhatIsMissing() throws Exception {
        assertThat(cni.status().reason()).isEqualTo("NetworkPluginNotReady");
        assertThat(cni.status().message()).isEqualTo("no network config found in " + fake.confDir);

        fake.chain("1.0.0", "first");
        assertThat(cni.status().ready()).isTrue();
        assertThat(cni.status().network()).isEqualTo("test");

        Files.delete(dir.resolve("bin/first"));
        assertThat(cni.status().reason()).isEqualTo("NetworkPluginNotReady");
        assertThat(cni.status().message())
                .isEqualTo(
                        "network test: plugin first not found in " + dir.resolve("absent") + ", " + dir.resolve("bin"));
    }

    @Test
    void statusAsksPluginsOfVersion11() throws Exception {
        fake.chain("1.1.0", "first");
        fake.answer("first", "STATUS", 1, "{\"code\":50,\"msg\":\"no agent\"}");

        CniStatus status = cni.status();

        assertThat(status.ready()).isFalse();
        assertThat(status.reason()).isEqualTo("NetworkPluginNotReady");
        assertThat(status.message()).contains("no agent");
        cni.status();
        assertThat(fake.calls()).containsExactly("first STATUS");
    }

    @Test
    void gcDetachesWhatIsGoneAndTellsPluginsWhatIsNot() throws Exception {
        fake.chain("1.1.0", "first");
        fake.answer("first", "ADD", 0, RESULT);
        cni.add(attachment("pod1"));
        cni.add(attachment("pod2"));

        assertThat(cni.attached()).containsExactlyInAnyOrder("pod1", "pod2");
        cni.gc(Set.of("pod1"));

        assertThat(fake.calls()).containsExactly("first ADD", "first ADD", "first DEL", "first GC");
        assertThat(fake.environment(2)).containsEntry("CNI_CONTAINERID", "pod1");
        assertThat(fake.environment(3)).doesNotContainKeys("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME");
        assertThat(fake.input(3).path("cni.dev/valid-attachments").toString())
                .isEqualTo("[{\"containerID\":\"pod2\",\"ifname\":\"eth0\"}]");
        assertThat(fake.records()).containsExactly("test-pod2-eth0");
    }

    @Test
    void builtInPluginStandsInForTheBinary() throws Exception {
        fake.chain("1.0.0", "first", "second");
        fake.answer("second", "ADD", 0, RESULT);
        Files.delete(dir.resolve("bin/first"));
        JsonNode built = Json.parse(RESULT.getBytes(StandardCharsets.UTF_8));
        Cni withBuiltIn =
                new Cni(fake.config(), Map.of("first", call -> call.verb() == PluginCall.Verb.ADD ? built : null));

        CniResult result = withBuiltIn.add(attachment("pod1"));
        withBuiltIn.del(attachment("pod1"));

        assertThat(result.addressesOf("eth0")).hasSize(2);
        assertThat(fake.input(0).at("/prevResult/ips/0/address").asText()).isEqualTo("10.1.2.3/24");
        assertThat(fake.calls()).containsExactly("second ADD", "second DEL");
    }
}
