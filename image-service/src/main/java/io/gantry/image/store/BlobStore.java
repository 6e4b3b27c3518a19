package io.gantry.image.store;

import io.gantry.image.Digest;
import io.gantry.image.ImageException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Documents by their digests. Thread-safe. */
final class BlobStore {
    private final StorePaths paths;
    private final Map<Digest, Long> sizes = new ConcurrentHashMap<>();

    BlobStore(StorePaths paths) throws IOException {
        this.paths = paths;
        for (Digest.Algorithm algorithm : Digest.Algorithm.values()) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(paths.blobs(algorithm))) {
                for (Path file : files) {
                    String name = algorithm.prefix() + ":" + file.getFileName();
                    long size = Files.size(file);
                    Digest.tryParse(name).ifPresent(digest -> sizes.put(digest, size));
                }
            }
        }
    }

    boolean has(Digest digest) {
        return sizes.containsKey(digest);
    }

    /** The content, checked against its digest; CORRUPT if it is not what it was. */
    byte[] read(Digest digest) throws IOException, ImageException {
        byte[] content = Files.readAllBytes(paths.blob(digest));
        MessageDigest computation = digest.algorithm().start();
        computation.update(content);
        if (!digest.algorithm().finish(computation).equals(digest)) {
            throw new ImageException(
                    ImageException.Kind.CORRUPT, paths.blob(digest) + " no longer has the content of its digest");
        }
        return content;
    }

    void write(Digest digest, byte[] content) throws IOException {
        if (!has(digest)) {
            paths.replace(paths.blob(digest), content);
            sizes.put(digest, (long) content.length);
        }
    }

    /** Takes a verified file over. */
    void adopt(Digest digest, Path file) throws IOException {
        long size = Files.size(file);
        Files.move(file, paths.blob(digest), StandardCopyOption.ATOMIC_MOVE);
        sizes.put(digest, size);
    }

    /** Deletes all but {@code needed}. */
    void retain(Set<Digest> needed) throws IOException {
        for (Digest digest : Set.copyOf(sizes.keySet())) {
            if (!needed.contains(digest)) {
                sizes.remove(digest);
                Files.deleteIfExists(paths.blob(digest));
            }
        }
    }

    long bytes() {
        return sizes.values().stream().mapToLong(Long::longValue).sum();
    }

    long count() {
        return sizes.size();
    }
}
