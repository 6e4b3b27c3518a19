package io.gantry.image.registry;

import io.gantry.image.Digest;
import io.gantry.image.ImageException;
import io.gantry.image.ImageReference;
import io.gantry.image.manifest.Descriptor;
import io.gantry.image.manifest.ImageManifest;
import io.gantry.image.manifest.ImageSource;
import io.gantry.image.registry.HttpTransport.Response;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The conversation of one pull with the hosts of one repository. Thread-safe. */
public final class RepositorySession implements ImageSource {
    private static final int MAX_MANIFEST = 4 * 1024 * 1024;
    private static final int MAX_CONFIG = 8 * 1024 * 1024;
    private static final Map<String, String> ACCEPT = Map.of("Accept", ImageManifest.ACCEPT);

    private final ImageReference reference;
    private final List<RegistryHost> hosts;
    private final EndpointCaller caller;

    RepositorySession(ImageReference reference, List<RegistryHost> hosts, EndpointCaller caller) {
        this.reference = reference;
        this.hosts = hosts;
        this.caller = caller;
    }

    /** What the reference's tag means now, without fetching it; empty if no host says. A reference with a digest answers itself. */
    @Override
    public Optional<Digest> resolve() throws InterruptedException {
        if (reference.digest() != null) {
            return Optional.of(reference.digest());
        }
        try {
            return atFirst(RegistryHost::resolves, host -> {
                try (Response response = caller.call(manifestCall(host, "HEAD", reference.tagOrDigest()))) {
                    return Digest.tryParse(response.header("Docker-Content-Digest"));
                }
            });
        } catch (ImageException e) {
            // Some registries do not do HEAD; the GET that follows tells the true reason.
            return Optional.empty();
        }
    }

    /** The manifest or index that the reference means. */
    @Override
    public Document manifest() throws ImageException, InterruptedException {
        Digest digest = reference.digest();
        return digest != null
                ? manifest(digest)
                : atFirst(RegistryHost::resolves, host -> fetchManifest(host, reference.tagOrDigest(), null));
    }

    /** The manifest with this digest. */
    @Override
    public Document manifest(Digest digest) throws ImageException, InterruptedException {
        return atFirst(RegistryHost::pulls, host -> fetchManifest(host, digest.toString(), digest));
    }

    /** A config document, verified. */
    @Override
    public byte[] config(Descriptor config) throws ImageException, InterruptedException {
        if (config.size() > MAX_CONFIG) {
            throw new ImageException(
                    ImageException.Kind.INVALID,
                    "the config of " + reference + " has " + config.size() + " bytes, more than " + MAX_CONFIG);
        }
        try (InputStream in = blob(config)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw blobFailure("tried to get the config of " + reference, e);
        }
    }

    /** A blob of any size, verified at its end: a read fails with {@link CorruptBlobException} instead of ending. */
    @Override
    public InputStream blob(Descriptor blob) throws ImageException, InterruptedException {
        List<RegistryHost> able = new ArrayList<>(hosts);
        able.removeIf(host -> !host.pulls());
        if (able.isEmpty()) {
            throw nobody();
        }
        return new BlobDownload(caller, able, reference, blob);
    }

    @Override
    public ImageException blobFailure(String tried, IOException failure) {
        return switch (failure) {
            case RegistryIoException registry -> registry.failure();
            case CorruptBlobException corrupt ->
                new ImageException(ImageException.Kind.CORRUPT, tried + ": " + corrupt.getMessage(), corrupt);
            default -> unavailable(tried, failure);
        };
    }

    private static ImageException unavailable(String tried, IOException failure) {
        return new ImageException(
                ImageException.Kind.REGISTRY_UNAVAILABLE, tried + ": " + EndpointCaller.reason(failure), failure);
    }

    private Document fetchManifest(RegistryHost host, String tagOrDigest, @Nullable Digest expected)
            throws ImageException, InterruptedException {
        String subject = "manifest " + reference.name() + (tagOrDigest.contains(":") ? "@" : ":") + tagOrDigest;
        byte[] content;
        String contentType;
        String told;
        try (Response response = caller.call(manifestCall(host, "GET", tagOrDigest))) {
            content = response.body().readNBytes(MAX_MANIFEST + 1);
            contentType = response.header("Content-Type");
            told = response.header("Docker-Content-Digest");
        } catch (InterruptedIOException e) {
            if (Thread.interrupted()) {
                throw new InterruptedException("fetching " + subject + " was interrupted");
            }
            throw unavailable("tried to get " + subject + " from " + host, e);
        } catch (IOException e) {
            throw unavailable("tried to get " + subject + " from " + host, e);
        }
        if (content.length > MAX_MANIFEST) {
            throw new ImageException(
                    ImageException.Kind.INVALID, subject + " of " + host + " has more than " + MAX_MANIFEST + " bytes");
        }
        Digest promised = expected != null ? expected : Digest.tryParse(told).orElseGet(() -> Digest.sha256(content));
        var computation = promised.algorithm().start();
        computation.update(content);
        Digest actual = promised.algorithm().finish(computation);
        if (!actual.equals(promised)) {
            throw new ImageException(
                    ImageException.Kind.CORRUPT,
                    host + " served content of digest " + actual + " for " + subject + ", expected " + promised);
        }
        int parameters = contentType.indexOf(';');
        return new Document(
                content, (parameters < 0 ? contentType : contentType.substring(0, parameters)).strip(), actual);
    }

    private EndpointCaller.Call manifestCall(RegistryHost host, String method, String tagOrDigest) {
        return RegistryClient.call(
                host,
                method,
                reference,
                "/manifests/" + tagOrDigest,
                ACCEPT,
                "manifest " + reference.name() + (tagOrDigest.contains(":") ? "@" : ":") + tagOrDigest);
    }

    /** Asks the hosts in their order; the failure of the last one counts, which is the registry itself, with those of its mirrors beside it. */
    private <T> T atFirst(Predicate<RegistryHost> able, Question<T> question)
            throws ImageException, InterruptedException {
        ImageException last = null;
        for (RegistryHost host : hosts) {
            if (!able.test(host)) {
                continue;
            }
            try {
                return question.ask(host);
            } catch (ImageException e) {
                last = last == null ? e : joined(last, e);
            }
        }
        throw last != null ? last : nobody();
    }

    private static ImageException joined(ImageException first, ImageException second) {
        ImageException both = new ImageException(
                second.kind(), second.getMessage() + "; before, " + first.getMessage(), second.getCause());
        both.addSuppressed(first);
        return both;
    }

    private ImageException nobody() {
        return new ImageException(
                ImageException.Kind.INVALID,
                "the registry settings of " + reference.host() + " leave no host that may be asked for " + reference);
    }

    private interface Question<T> {
        T ask(RegistryHost host) throws ImageException, InterruptedException;
    }
}
