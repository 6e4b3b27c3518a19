package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.cri.v1.DNSConfig;
import io.gantry.cri.v1.NamespaceMode;
import io.gantry.cri.v1.PortMapping;
import io.gantry.cri.v1.Protocol;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

@BlackBox
class NetworkTest {
    private final Cri cri;

    NetworkTest(Cri cri) {
        this.cri = cri;
    }

    private static final List<String> SERVER =
            List.of("sh", "-c", "while :; do echo hello from $(hostname) | nc -l -p 8080; done");

    @Test
    void aPodAnswersOnItsAddressFromTheHost() {
        try (TestPod pod = TestPod.run(cri)) {
            String container = pod.runIdle(config -> config.clearCommand().addAllCommand(SERVER));
            String address = cri.podStatus(pod.id()).getNetwork().getIp();
            assertThat(ask(address, 8080))
                    .isEqualTo("hello from " + pod.sandboxConfig().getHostname());
            assertThat(cri.shell(container, "ip -4 -o addr show eth0")).contains(address);
            assertThat(cri.shell(container, "ip -o link show lo")).contains("UP");
        }
    }

    @Test
    void podsReachEachOther() {
        try (TestPod one = TestPod.run(cri);
                TestPod two = TestPod.run(cri)) {
            String server = one.runIdle(config -> config.clearCommand().addAllCommand(SERVER));
            String address = cri.podStatus(one.id()).getNetwork().getIp();
            assertThat(address)
                    .isNotEqualTo(cri.podStatus(two.id()).getNetwork().getIp());
            assertThat(ask(address, 8080)).startsWith("hello");
            String client = two.runIdle();
            Wait.until(
                    "the server listens again",
                    () -> cri.execSync(client, 5, "sh", "-c", "nc -w 2 " + address + " 8080 </dev/null | grep hello")
                                    .getExitCode()
                            == 0);
            assertThat(cri.pidOf(server)).isPositive();
        }
    }

    @Test
    void aHostPortLeadsToThePodAndIsClosedWithIt() throws IOException {
        int port = freePort();
        try (TestPod pod = TestPod.run(
                cri,
                config -> config.addPortMappings(PortMapping.newBuilder()
                        .setProtocol(Protocol.TCP)
                        .setContainerPort(8080)
                        .setHostPort(port)))) {
            String container = pod.runIdle(config -> config.clearCommand().addAllCommand(SERVER));
            assertThat(cri.pidOf(container)).isPositive();
            assertThat(ask("127.0.0.1", port)).startsWith("hello from");
            pod.stop();
            assertThatThrownBy(() -> answer("127.0.0.1", port)).isInstanceOf(IOException.class);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** The one-shot server may be between two connections. */
    private static String ask(String address, int port) {
        String[] got = {""};
        Wait.until(address + ":" + port + " answers", () -> {
            try {
                got[0] = answer(address, port);
            } catch (IOException e) {
                return false;
            }
            return !got[0].isEmpty();
        });
        return got[0];
    }

    private static String answer(String address, int port) throws IOException {
        try (Socket socket = new Socket(address, port)) {
            socket.setSoTimeout(5000);
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        }
    }

    @Test
    void hostNameAndNameServersAreTheGivenOnes() {
        try (TestPod pod = TestPod.run(
                cri,
                config -> config.setHostname("a-name")
                        .setDnsConfig(DNSConfig.newBuilder()
                                .addServers("10.10.10.10")
                                .addServers("10.10.10.11")
                                .addSearches("example.org")
                                .addOptions("ndots:3")
                                .addOptions("timeout:1")))) {
            String container = pod.runIdle();
            assertThat(cri.shell(container, "hostname")).isEqualTo("a-name");
            assertThat(cri.shell(container, "cat /etc/hostname")).isEqualTo("a-name");
            assertThat(cri.shell(container, "cat /etc/resolv.conf").lines())
                    .contains(
                            "nameserver 10.10.10.10",
                            "nameserver 10.10.10.11",
                            "search example.org",
                            "options ndots:3 timeout:1");
        }
    }

    @Test
    void theHostsNetworkIsTheHosts() throws IOException {
        try (TestPod pod = TestPod.runOnHostNetwork(cri)) {
            String container = pod.runIdle();
            assertThat(link(cri.pidOf(container), "net")).isEqualTo(link(ownPid(), "net"));
            assertThat(cri.podStatus(pod.id()).getNetwork().getIp()).isEmpty();
            assertThat(cri.shell(container, "hostname"))
                    .isEqualTo(Files.readString(Path.of("/proc/sys/kernel/hostname"))
                            .strip());
        }
    }

    @Test
    void namespacesAreSharedAsAsked() {
        try (TestPod pod = TestPod.runOnHostNetwork(cri)) {
            String one = pod.runIdle();
            String two = pod.runIdle();
            assertThat(link(cri.pidOf(one), "pid")).isEqualTo(link(cri.pidOf(two), "pid"));
            assertThat(link(cri.pidOf(one), "ipc"))
                    .isEqualTo(link(cri.pidOf(two), "ipc"))
                    .isNotEqualTo(link(ownPid(), "ipc"));
            assertThat(link(cri.pidOf(one), "mnt")).isNotEqualTo(link(cri.pidOf(two), "mnt"));
            assertThat(cri.shell(one, "cat /proc/1/comm")).isNotIn("sh", "sleep", "nginx");

            String alone = pod.runIdle(config -> config.getLinuxBuilder()
                    .getSecurityContextBuilder()
                    .getNamespaceOptionsBuilder()
                    .setPid(NamespaceMode.CONTAINER));
            assertThat(cri.shell(alone, "cat /proc/1/comm")).isEqualTo("sh");

            String target = pod.runIdle(config -> config.getLinuxBuilder()
                    .getSecurityContextBuilder()
                    .getNamespaceOptionsBuilder()
                    .setPid(NamespaceMode.TARGET)
                    .setTargetId(alone));
            assertThat(link(cri.pidOf(target), "pid")).isEqualTo(link(cri.pidOf(alone), "pid"));
        }
    }

    @Test
    void theHostsPidsAndIpcAreTheHosts() {
        try (TestPod pod = TestPod.run(cri, config -> {
            TestPod.hostNetwork(config);
            TestPod.security(
                    config,
                    security -> security.getNamespaceOptionsBuilder()
                            .setPid(NamespaceMode.NODE)
                            .setIpc(NamespaceMode.NODE));
        })) {
            String container = pod.runIdle();
            assertThat(link(cri.pidOf(container), "pid")).isEqualTo(link(ownPid(), "pid"));
            assertThat(link(cri.pidOf(container), "ipc")).isEqualTo(link(ownPid(), "ipc"));
            assertThat(cri.shell(container, "[ -d /proc/" + ownPid() + " ] && echo seen"))
                    .isEqualTo("seen");
        }
    }

    @Test
    void sharedMemoryIsThePods() {
        try (TestPod pod = TestPod.runOnHostNetwork(cri)) {
            String one = pod.runIdle();
            String two = pod.runIdle();
            assertThat(cri.shell(one, "echo shared >/dev/shm/note; stat -f -c %T /dev/shm"))
                    .isEqualTo("tmpfs");
            assertThat(cri.shell(two, "cat /dev/shm/note")).isEqualTo("shared");
            assertThat(Path.of("/dev/shm/note")).doesNotExist();
        }
    }

    @Test
    void sysctlsAreThePods() throws IOException {
        Path host = Path.of("/proc/sys/kernel/shm_rmid_forced");
        String before = Files.readString(host);
        try (TestPod pod = TestPod.run(
                cri,
                config -> config.getLinuxBuilder()
                        .putSysctls("kernel.shm_rmid_forced", "1")
                        .putSysctls("net.ipv4.ip_local_port_range", "20000 30000"))) {
            String container = pod.runIdle();
            assertThat(cri.shell(container, "cat /proc/sys/kernel/shm_rmid_forced"))
                    .isEqualTo("1");
            assertThat(cri.shell(container, "cat /proc/sys/net/ipv4/ip_local_port_range"))
                    .isEqualTo("20000\t30000");
            assertThat(Files.readString(host)).isEqualTo(before);
        }
    }

    private static long ownPid() {
        return ProcessHandle.current().pid();
    }

    private static String link(long pid, String namespace) {
        try {
            return Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/" + namespace))
                    .toString();
        } catch (IOException e) {
            throw new IllegalStateException("no namespace " + namespace + " of process " + pid, e);
        }
    }
}
