package io.gantry.image;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/**
 * A content digest as OCI writes it, {@code algorithm:lower-case-hex}.
 *
 * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md#digests">image-spec, Digests</a>
 */
public record Digest(Algorithm algorithm, String hex) {
    private static final HexFormat HEX = HexFormat.of();

    public Digest {
        if (!isHex(hex, algorithm.hexLength)) {
            throw new IllegalArgumentException("not a " + algorithm.prefix + " digest: " + hex);
        }
    }

    /** The registered algorithms; others are refused since they cannot be verified. */
    public enum Algorithm {
        SHA256("sha256", "SHA-256", 64),
        SHA512("sha512", "SHA-512", 128);

        private final String prefix;
        private final String javaName;
        private final int hexLength;

        Algorithm(String prefix, String javaName, int hexLength) {
            this.prefix = prefix;
            this.javaName = javaName;
            this.hexLength = hexLength;
        }

        /** A fresh computation of this algorithm. */
        public MessageDigest start() {
            try {
                return MessageDigest.getInstance(javaName);
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException(javaName + " is part of every JDK", e);
            }
        }

        /** The name in front of the colon, also the folder below {@code blobs/}. */
        public String prefix() {
            return prefix;
        }

        /** Ends the computation and wraps its result. */
        public Digest finish(MessageDigest computation) {
            return new Digest(this, HEX.formatHex(computation.digest()));
        }
    }

    /** The digest in {@code text}, or nothing when it is not one of a known algorithm. */
    public static Optional<Digest> tryParse(String text) {
        for (Algorithm algorithm : Algorithm.values()) {
            int start = algorithm.prefix.length() + 1;
            if (text.length() == start + algorithm.hexLength
                    && text.startsWith(algorithm.prefix)
                    && text.charAt(start - 1) == ':'
                    && isHex(text.substring(start), algorithm.hexLength)) {
                return Optional.of(new Digest(algorithm, text.substring(start)));
            }
        }
        return Optional.empty();
    }

    /** The digest in {@code text}; CORRUPT when it is none, since digests are read from documents. */
    public static Digest parse(String text) throws ImageException {
        return tryParse(text)
                .orElseThrow(() -> new ImageException(
                        ImageException.Kind.CORRUPT, "\"" + text + "\" is not a sha256 or sha512 digest"));
    }

    /** The SHA-256 of {@code content}. */
    public static Digest sha256(byte[] content) {
        MessageDigest computation = Algorithm.SHA256.start();
        computation.update(content);
        return Algorithm.SHA256.finish(computation);
    }

    private static boolean isHex(String text, int length) {
        if (text.length() != length) {
            return false;
        }
        for (int i = 0; i < length; i++) {
            char c = text.charAt(i);
            boolean digit = c >= '0' && c <= '9';
            boolean letter = c >= 'a' && c <= 'f';
            if (!digit && !letter) {
                return false;
            }
        }
        return true;
    }

    @Override
    public String toString() {
        return algorithm.prefix + ":" + hex;
    }
}
