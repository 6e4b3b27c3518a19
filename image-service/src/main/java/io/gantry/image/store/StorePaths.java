package io.gantry.image.store;

import io.gantry.image.Digest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The layout of the store; no other class knows a path in it.
 *
 * <pre>
 * images/HEX.json                an image's record, by its config's digest
 * blobs/ALGORITHM/HEX            documents, and compressed layers if they are kept
 * layers/HEX/{fs,meta.json}      an unpacked layer, by its diff-id
 * tmp/                           what is being made or deleted; emptied after a start
 * </pre>
 */
final class StorePaths {
    private final Path root;
    // Not from 0: what an earlier daemon left under tmp/ is deleted while this one makes its own.
    private final AtomicLong next = new AtomicLong(System.currentTimeMillis() << 16);
    // What an earlier daemon left below tmp/ is deleted while this one makes new things there.
    private final String start = Long.toString(System.currentTimeMillis(), Character.MAX_RADIX);

    StorePaths(Path root) throws IOException {
        this.root = root.toAbsolutePath().normalize();
        for (Path folder : new Path[] {images(), layers(), tmp()}) {
            Files.createDirectories(folder);
        }
        for (Digest.Algorithm algorithm : Digest.Algorithm.values()) {
            Files.createDirectories(blobs(algorithm));
        }
    }

    Path root() {
        return root;
    }

    Path images() {
        return root.resolve("images");
    }

    Path record(Digest config) {
        return images().resolve(config.hex() + ".json");
    }

    Path blobs(Digest.Algorithm algorithm) {
        return root.resolve("blobs").resolve(algorithm.prefix());
    }

    Path blob(Digest digest) {
        return blobs(digest.algorithm()).resolve(digest.hex());
    }

    Path layers() {
        return root.resolve("layers");
    }

    /** The lengths of the two algorithms differ, so the hex alone names a layer. */
    Path layer(Digest diffId) {
        return layers().resolve(diffId.hex());
    }

    Path layerTree(Digest diffId) {
        return layer(diffId).resolve("fs");
    }

    Path tmp() {
        return root.resolve("tmp");
    }

    /** A path below {@code tmp/} that is not in use. */
    Path freshTmp(String prefix) {
        return tmp().resolve(prefix + "-" + start + "-" + next.incrementAndGet());
    }

    /** Puts a file in place in one step, so that it is either the old one or the new one, whole. */
    void replace(Path file, byte[] content) throws IOException {
        Path fresh = freshTmp("file");
        try {
            Files.write(fresh, content);
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(fresh);
        }
    }
}
