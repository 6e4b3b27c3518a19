package io.gantry.image.registry;

import io.gantry.image.ImageConfig;
import io.gantry.image.ImageException;
import io.gantry.image.ImageReference;
import io.gantry.image.RegistryCredentials;
import io.gantry.image.registry.EndpointCaller.Call;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Where pulls begin: finds the hosts and the credentials for a reference. Thread-safe. */
public final class RegistryClient implements AutoCloseable {
    private final RegistryHosts hosts;
    private final @Nullable Path credentialFile;
    private final HttpTransport transport;

    /**
     * @param environment where proxies are looked up
     */
    public RegistryClient(ImageConfig config, Map<String, String> environment) {
        this.hosts = new RegistryHosts(config.registryConfigFolder(), config.insecureRegistries());
        this.credentialFile = config.authConfigFile();
        this.transport = new HttpTransport(environment, config.stallTimeout());
    }

    /**
     * Begins to talk about one repository. Settings and credentials are those of now.
     *
     * @param credentials {@link RegistryCredentials#NONE} for those of the credential file
     * @throws ImageException INVALID when a settings file does not parse
     */
    public RepositorySession open(ImageReference reference, RegistryCredentials credentials) throws ImageException {
        RegistryCredentials chosen = credentials;
        if (credentials.isEmpty() && credentialFile != null) {
            chosen = CredentialFile.find(credentialFile, reference.host(), reference.repository());
        }
        Authenticator authenticator = new Authenticator(transport, chosen, reference.repository());
        return new RepositorySession(
                reference, hosts.of(reference.host()), new EndpointCaller(transport, authenticator));
    }

    /** A call about a repository; a mirror is told whose images it is asked for (containerd's {@code ns} parameter). */
    static Call call(
            RegistryHost host,
            String method,
            ImageReference reference,
            String path,
            Map<String, String> headers,
            String subject) {
        String query = host.mirror() ? "?ns=" + reference.host() : "";
        return new Call(host, method, "/" + reference.repository() + path + query, headers, subject);
    }

    /** Breaks all connections. */
    @Override
    public void close() {
        transport.close();
    }
}
