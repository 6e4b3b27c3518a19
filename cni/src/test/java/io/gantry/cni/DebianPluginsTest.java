package io.gantry.cni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.linux.Netns;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The plugins of Debian's containernetworking-plugins between a namespace that stands for the host and one that is the pod's, so that
 * neither a bridge nor a rule is left on the machine.
 */
@Tag("privileged")
class DebianPluginsTest {
    private static final Path BIN = Path.of("/usr/lib/cni");
    private static final String HOST = "gantrycnihost" + ProcessHandle.current().pid();
    private static final String POD = "gantrycnipod" + ProcessHandle.current().pid();

    @TempDir
    Path dir;

    private Cni cni;
    private Attachment pod;

    @BeforeEach
    void setUp() throws Exception {
        assertThat(BIN.resolve("bridge"))
                .as("Debian's containernetworking-plugins")
                .isExecutable();
        Path confDir = Files.createDirectory(dir.resolve("net.d"));
        Files.writeString(confDir.resolve("10-test.conflist"), """
                {"cniVersion":"1.0.0","name":"gantrytest","plugins":[
                  {"type":"bridge","bridge":"gantrytest0","isGateway":true,"ipMasq":false,
                   "ipam":{"type":"host-local","dataDir":"%s","routes":[{"dst":"0.0.0.0/0"}],
                           "ranges":[[{"subnet":"10.213.7.0/24"}]]}},
                  {"type":"portmap","capabilities":{"portMappings":true}},
                  {"type":"bandwidth","capabilities":{"bandwidth":true}},
                  {"type":"loopback"}]}
                """.formatted(dir.resolve("ipam")));
        cni = new Cni(new CniConfig(List.of(confDir), List.of(BIN), dir.resolve("cache"), Duration.ofSeconds(60)));
        ip("netns", "add", HOST);
        ip("netns", "add", POD);
        pod = new Attachment(
                "pod1",
                Path.of("/run/netns", POD),
                "eth0",
                Attachment.kubernetesArgs("default", "web", "pod1", "uid"),
                CapabilityArgs.of(
                        List.of(new CapabilityArgs.PortMapping(38931, 80, "tcp", "")),
                        null,
                        new Bandwidth(10_000_000, 10_000_000, 0, 0),
                        null));
    }

    @AfterEach
    void tearDown() throws Exception {
        for (String netns : List.of(POD, HOST)) {
            if (Files.exists(Path.of("/run/netns", netns))) {
                ip("netns", "del", netns);
            }
        }
    }

    @Test
    void attachesAndDetaches() throws Exception {
        CniResult result = Netns.call(Path.of("/run/netns", HOST), () -> cni.add(pod));

        assertThat(result.addressesOf("eth0")).hasSize(1);
        String address = result.addressesOf("eth0").getFirst();
        assertThat(ip("-n", POD, "-o", "addr")).contains(address + "/24");
        assertThat(ip("-n", POD, "link", "show", "lo")).contains("LOOPBACK,UP");
        assertThat(ip("-n", POD, "route")).contains("default via 10.213.7.1");
        assertThat(natRules()).contains("--dport 38931").contains(address + ":80");

        inHost(() -> cni.del(pod));

        assertThat(ip("-n", POD, "-o", "addr")).doesNotContain("10.213.7.");
        assertThat(natRules()).doesNotContain("38931");
        assertThat(reservations()).isEmpty();
        inHost(() -> cni.del(pod));
    }

    /** Without host ports: portmap 1.1.1 looks for its IPv6 chains even where there is no IPv6. */
    @Test
    void checkSeesThatTheAddressIsGone() throws Exception {
        Attachment plain = new Attachment(
                "pod1",
                Path.of("/run/netns", POD),
                "eth0",
                pod.args(),
                CapabilityArgs.of(List.of(), null, pod.capabilityArgs().bandwidth(), null));
        inHost(() -> cni.add(plain));
        inHost(() -> cni.check(plain));

        ip("-n", POD, "addr", "flush", "dev", "eth0");

        assertThatThrownBy(() -> inHost(() -> cni.check(plain)))
                .isInstanceOfSatisfying(
                        CniException.class, e -> assertThat(e.plugin()).isEqualTo("bridge"));
        inHost(() -> cni.del(plain));
    }

    @Test
    void freesTheAddressAndTheHostPortOnceTheNamespaceIsGone() throws Exception {
        inHost(() -> cni.add(pod));
        assertThat(reservations()).hasSize(1);
        ip("netns", "del", POD);

        inHost(() -> cni.del(pod));

        assertThat(reservations()).isEmpty();
        assertThat(natRules()).doesNotContain("38931");
        inHost(() -> cni.del(pod.withoutNetns()));
    }

    private List<String> reservations() throws IOException {
        try (Stream<Path> files = Files.list(dir.resolve("ipam/gantrytest"))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.startsWith("10."))
                    .toList();
        }
    }

    private interface Act {
        void run() throws Exception;
    }

    private static void inHost(Act act) throws Exception {
        Netns.call(Path.of("/run/netns", HOST), () -> {
            act.run();
            return true;
        });
    }

    private static String natRules() throws Exception {
        return run("ip", "netns", "exec", HOST, "iptables", "-w", "-t", "nat", "-S");
    }

    private static String ip(String... arguments) throws Exception {
        return run(Stream.concat(Stream.of("ip"), Stream.of(arguments)).toArray(String[]::new));
    }

    private static String run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor())
                .as("%s: %s", String.join(" ", command), output)
                .isZero();
        return output;
    }
}
