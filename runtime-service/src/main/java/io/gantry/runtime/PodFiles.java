package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.DNSConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The files of a pod that its containers see under /etc: resolv.conf, hostname, hosts. */
final class PodFiles {
    private static final Path HOST_RESOLV_CONF = Path.of("/etc/resolv.conf");
    private static final Path HOST_HOSTS = Path.of("/etc/hosts");

    private static final String LOOPBACK = """
            127.0.0.1\tlocalhost
            ::1\tlocalhost ip6-localhost ip6-loopback
            fe00::\tip6-localnet
            ff02::1\tip6-allnodes
            ff02::2\tip6-allrouters
            """;

    private PodFiles() {}

    /** resolv.conf(5) from the CRI's DNS config; without one, the host's. */
    static void writeResolvConf(Path file, boolean given, DNSConfig dns) throws IOException {
        if (!given) {
            Files.writeString(file, Files.exists(HOST_RESOLV_CONF) ? Files.readString(HOST_RESOLV_CONF) : "");
            return;
        }
        StringBuilder text = new StringBuilder();
        if (dns.getSearchesCount() > 0) {
            text.append("search ")
                    .append(String.join(" ", dns.getSearchesList()))
                    .append('\n');
        }
        dns.getServersList()
                .forEach(server -> text.append("nameserver ").append(server).append('\n'));
        if (dns.getOptionsCount() > 0) {
            text.append("options ")
                    .append(String.join(" ", dns.getOptionsList()))
                    .append('\n');
        }
        Files.writeString(file, text.toString());
    }

    static void writeHostname(Path file, String hostname) throws IOException {
        Files.writeString(file, hostname + "\n");
    }

    /** hosts(5): the host's own for a pod in the host's network, else localhost and the pod's addresses. A kubelet mounts its own over it. */
    static void writeHosts(Path file, boolean hostNetwork, String hostname, List<String> ips) throws IOException {
        if (hostNetwork) {
            Files.writeString(file, Files.exists(HOST_HOSTS) ? Files.readString(HOST_HOSTS) : "127.0.0.1 localhost\n");
            return;
        }
        StringBuilder text = new StringBuilder(LOOPBACK);
        if (!hostname.isEmpty()) {
            ips.forEach(ip -> text.append(ip).append('\t').append(hostname).append('\n'));
        }
        Files.writeString(file, text.toString());
    }

    /** Gives a file to the root of a pod with a user namespace, to whom the host's root is nobody. */
    static void give(Path file, @Nullable UserMapping users) throws IOException {
        if (users != null) {
            Files.setAttribute(file, "unix:uid", (int) users.uids().outside(0));
            Files.setAttribute(file, "unix:gid", (int) users.gids().outside(0));
        }
    }

    /** Rejects what would break out of its line in resolv.conf. */
    static void checkDns(DNSConfig dns) throws CriException {
        for (List<String> values : List.of(dns.getServersList(), dns.getSearchesList(), dns.getOptionsList())) {
            for (String value : values) {
                if (value.isEmpty() || value.chars().anyMatch(c -> c <= ' ')) {
                    throw CriException.invalid(
                            "dns_config: \"" + value.strip() + "\" is empty or has white space in it");
                }
            }
        }
    }
}
