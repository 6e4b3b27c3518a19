package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.DNSConfig;
import io.gantry.cri.v1.Int64Value;
import io.gantry.cri.v1.LinuxPodSandboxConfig;
import io.gantry.cri.v1.LinuxSandboxSecurityContext;
import io.gantry.cri.v1.NamespaceMode;
import io.gantry.cri.v1.NamespaceOption;
import io.gantry.cri.v1.PodSandboxConfig;
import io.gantry.cri.v1.PodSandboxMetadata;
import io.gantry.cri.v1.PortMapping;
import io.gantry.cri.v1.UserNamespace;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PodChecksTest {
    private static PodSandboxConfig.Builder pod() {
        return PodSandboxConfig.newBuilder()
                .setMetadata(PodSandboxMetadata.newBuilder()
                        .setName("web")
                        .setNamespace("shop")
                        .setUid("u"));
    }

    private static PodSandboxConfig.Builder pod(LinuxSandboxSecurityContext.Builder security) {
        return pod().setLinux(LinuxPodSandboxConfig.newBuilder().setSecurityContext(security));
    }

    private static void refused(PodSandboxConfig.Builder pod, CriException.Kind kind, String word) {
        assertThatThrownBy(() -> PodChecks.check(pod.build(), "", "gantry"))
                .isInstanceOfSatisfying(
                        CriException.class, e -> assertThat(e.kind()).isEqualTo(kind))
                .hasMessageContaining(word);
    }

    @Test
    void takesAnOrdinaryPod() {
        assertThatCode(() -> PodChecks.check(pod().build(), "", "gantry")).doesNotThrowAnyException();
        assertThatCode(() -> PodChecks.check(pod().build(), "gantry", "gantry")).doesNotThrowAnyException();
    }

    @Test
    void refusesAnUnknownHandler() {
        assertThatThrownBy(() -> PodChecks.check(pod().build(), "kata", "gantry"))
                .hasMessageContaining("kata");
    }

    @Test
    void refusesAPodWithoutAName() {
        refused(PodSandboxConfig.newBuilder(), CriException.Kind.INVALID, "metadata.name");
    }

    @Test
    void refusesAGroupWithoutAUser() {
        refused(
                pod(LinuxSandboxSecurityContext.newBuilder()
                        .setRunAsGroup(Int64Value.newBuilder().setValue(1))),
                CriException.Kind.INVALID,
                "run_as_group");
    }

    @ParameterizedTest
    @CsvSource({"POD, userns_options.uids", "CONTAINER, user namespace", "TARGET, user namespace"})
    void refusesUserNamespacesThatCannotBe(NamespaceMode mode, String word) {
        refused(
                pod(LinuxSandboxSecurityContext.newBuilder()
                        .setNamespaceOptions(NamespaceOption.newBuilder()
                                .setUsernsOptions(UserNamespace.newBuilder().setMode(mode)))),
                CriException.Kind.INVALID,
                word);
    }

    @ParameterizedTest
    @ValueSource(strings = {"vm.swappiness", "kernel.panic", "net/../kernel/panic", "kernel.hostname"})
    void refusesASysctlOfTheWholeMachine(String name) {
        refused(
                pod().setLinux(LinuxPodSandboxConfig.newBuilder().putAllSysctls(Map.of(name, "1"))),
                CriException.Kind.INVALID,
                "sysctl");
    }

    @Test
    void refusesANetworkSysctlInTheHostsNetwork() {
        refused(
                pod().setLinux(LinuxPodSandboxConfig.newBuilder()
                        .setSecurityContext(LinuxSandboxSecurityContext.newBuilder()
                                .setNamespaceOptions(
                                        NamespaceOption.newBuilder().setNetwork(NamespaceMode.NODE)))
                        .putSysctls("net.ipv4.ip_forward", "1")),
                CriException.Kind.INVALID,
                "shares that namespace");
    }

    @Test
    void refusesWhatWouldBreakOutOfResolvConf() {
        refused(
                pod().setDnsConfig(DNSConfig.newBuilder().addServers("1.1.1.1\nnameserver 6.6.6.6")),
                CriException.Kind.INVALID,
                "dns_config");
    }

    @Test
    void refusesWhatWouldBreakOutOfCniArgs() {
        refused(
                PodSandboxConfig.newBuilder()
                        .setMetadata(PodSandboxMetadata.newBuilder().setName("a;K8S_POD_UID=b")),
                CriException.Kind.INVALID,
                "';'");
    }

    @Test
    void refusesAPortOutOfRange() {
        refused(
                pod().addPortMappings(
                                PortMapping.newBuilder().setHostPort(70000).setContainerPort(80)),
                CriException.Kind.INVALID,
                "port_mappings");
    }

    @ParameterizedTest
    @CsvSource({
        "net.ipv4.ip_forward, net/ipv4/ip_forward",
        "net/ipv4/conf/eth0.1/rp_filter, net/ipv4/conf/eth0.1/rp_filter",
        "net.ipv4.conf.eth0/1.rp_filter, net/ipv4/conf/eth0.1/rp_filter",
    })
    void readsBothSpellingsOfSysctls(String name, String path) {
        assertThat(PodSpecs.sysctlPath(name)).isEqualTo(path);
    }
}
