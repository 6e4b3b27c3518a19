package io.gantry.image;

import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A normalised image name: registry host, repository, and a tag or a digest.
 *
 * <p>Normalised as Docker does: no host means {@code docker.io}, one word there means {@code library/}, no tag means {@code latest}. A name with
 * both a tag and a digest is known by its digest alone, since the tag may move.
 */
public record ImageReference(
        String host,
        String repository,
        @Nullable String tag,
        @Nullable Digest digest) {
    private static final String DEFAULT_HOST = "docker.io";
    private static final int MAX_NAME = 255;
    private static final Pattern HOST = Pattern.compile(
            "(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*"
                    + "(?::[0-9]{1,5})?|\\[[0-9a-fA-F:]+](?::[0-9]{1,5})?");
    private static final Pattern REPOSITORY =
            Pattern.compile("[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*");
    private static final Pattern TAG = Pattern.compile("\\w[\\w.-]{0,127}");

    /** Parses what a user writes; INVALID when it cannot be a name. */
    public static ImageReference parse(String text) throws ImageException {
        return tryParse(text)
                .orElseThrow(() ->
                        new ImageException(ImageException.Kind.INVALID, "\"" + text + "\" is not an image reference"));
    }

    /** As {@link #parse}, but empty when {@code text} cannot be a name. */
    public static Optional<ImageReference> tryParse(String text) {
        String rest = text;
        Digest digest = null;
        int at = rest.indexOf('@');
        if (at >= 0) {
            Optional<Digest> parsed = Digest.tryParse(rest.substring(at + 1));
            if (parsed.isEmpty()) {
                return Optional.empty();
            }
            digest = parsed.get();
            rest = rest.substring(0, at);
        }
        String tag = null;
        int colon = rest.lastIndexOf(':');
        if (colon > rest.lastIndexOf('/')) {
            tag = rest.substring(colon + 1);
            if (!TAG.matcher(tag).matches()) {
                return Optional.empty();
            }
            rest = rest.substring(0, colon);
        }
        return fromName(rest, tag, digest);
    }

    private static Optional<ImageReference> fromName(String name, @Nullable String tag, @Nullable Digest digest) {
        String host = DEFAULT_HOST;
        String repository = name;
        int slash = name.indexOf('/');
        if (slash > 0 && isHost(name.substring(0, slash))) {
            host = name.substring(0, slash);
            repository = name.substring(slash + 1);
        }
        if (host.equals("index.docker.io")) {
            host = DEFAULT_HOST;
        }
        if (host.equals(DEFAULT_HOST) && repository.indexOf('/') < 0) {
            repository = "library/" + repository;
        }
        if (repository.length() > MAX_NAME
                || !HOST.matcher(host).matches()
                || !REPOSITORY.matcher(repository).matches()) {
            return Optional.empty();
        }
        if (digest != null) {
            return Optional.of(new ImageReference(host, repository, null, digest));
        }
        return Optional.of(new ImageReference(host, repository, tag == null ? "latest" : tag, null));
    }

    private static boolean isHost(String first) {
        return first.indexOf('.') >= 0
                || first.indexOf(':') >= 0
                || first.equals("localhost")
                || !first.equals(first.toLowerCase(Locale.ROOT));
    }

    /** Host and repository, without tag or digest. */
    public String name() {
        return host + "/" + repository;
    }

    /** What a registry calls it: the digest if there is one, else the tag. */
    public String tagOrDigest() {
        return digest != null ? digest.toString() : String.valueOf(tag);
    }

    /** The name with another digest, as it stands among an image's repository digests. */
    public String withDigest(Digest other) {
        return name() + "@" + other;
    }

    @Override
    public String toString() {
        return digest != null ? name() + "@" + digest : name() + ":" + tag;
    }
}
