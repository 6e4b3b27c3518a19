package io.gantry.image.pull;

import io.gantry.image.Digest;
import io.gantry.image.ImageException;
import io.gantry.image.manifest.Descriptor;
import io.gantry.image.manifest.ImageSource;
import io.gantry.image.store.ImageStore;
import io.gantry.image.store.LayerStore;
import io.gantry.image.unpack.Decompression;
import io.gantry.image.unpack.LayerSize;
import io.gantry.image.unpack.LayerUnpacker;
import io.gantry.linux.Directory;
import io.gantry.linux.LinuxException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;

/**
 * Fetches layers: a thread that fetches and hashes, one that inflates, one that hashes again, and the caller's, which unpacks. All but the first are platform threads,
 * since a system call that waits for the disk holds a virtual thread's carrier, and with all carriers held the daemon would answer nobody.
 */
final class LayerFetch {
    private static final ThreadFactory FETCH =
            Thread.ofVirtual().name("layer-fetch-", 0).factory();
    private static final ThreadFactory HASH =
            Thread.ofPlatform().daemon().name("layer-hash-", 0).factory();
    private static final ThreadFactory INFLATE =
            Thread.ofPlatform().daemon().name("layer-inflate-", 0).factory();

    private final ImageStore store;
    private final boolean keepBlobs;
    private final Semaphore slots;

    LayerFetch(ImageStore store, boolean keepBlobs, int maxParallel) {
        this.store = store;
        this.keepBlobs = keepBlobs;
        this.slots = new Semaphore(maxParallel, true);
    }

    /** Brings one layer into the store. An interrupt ends it with nothing left. */
    void fetch(ImageSource source, Descriptor blob, Digest diffId) throws ImageException, InterruptedException {
        slots.acquire();
        try (LayerStore.Build build = store.layers().begin(diffId)) {
            String tried = "tried to unpack layer " + blob.digest();
            try (InputStream in = source.blob(blob)) {
                LayerSize size = unpack(in, build, diffId);
                if (keepBlobs) {
                    store.keepBlob(blob.digest(), build.blob());
                }
                build.commit(size);
            } catch (BlobReadException e) {
                stopIfInterrupted(tried);
                throw source.blobFailure(tried, e.failure());
            } catch (DiffIdMismatch e) {
                throw new ImageException(ImageException.Kind.CORRUPT, tried + ": " + e.getMessage(), e);
            } catch (LinuxException | FileSystemException e) {
                stopIfInterrupted(tried);
                throw ImageStore.storeFailure("unpack layer " + blob.digest(), e);
            } catch (IOException e) {
                stopIfInterrupted(tried);
                throw new ImageException(ImageException.Kind.CORRUPT, tried + ": " + e.getMessage(), e);
            }
        } catch (IOException e) {
            throw ImageStore.storeFailure("make a folder for layer " + diffId, e);
        } finally {
            slots.release();
        }
    }

    private LayerSize unpack(InputStream in, LayerStore.Build build, Digest diffId) throws IOException {
        MessageDigest computation = diffId.algorithm().start();
        LayerSize size;
        try (OutputStream copy = keepBlobs ? Files.newOutputStream(build.blob()) : OutputStream.nullOutputStream();
                InputStream source = new SourceStream(in, copy);
                ReadAhead compressed = new ReadAhead(source, FETCH);
                InputStream plain = Decompression.open(compressed);
                ReadAhead inflated = new ReadAhead(plain, INFLATE);
                ReadAhead hashed = new ReadAhead(new DigestInputStream(inflated, computation), HASH);
                Directory root = Directory.open(build.tree());
                LayerUnpacker unpacker = new LayerUnpacker(root)) {
            size = unpacker.unpack(hashed);
            // Bytes after the end of the compressed data belong to the blob too; only at its end has it been verified.
            compressed.transferTo(OutputStream.nullOutputStream());
        }
        Digest actual = diffId.algorithm().finish(computation);
        if (!actual.equals(diffId)) {
            throw new DiffIdMismatch("it inflates to " + actual + ", the config says " + diffId);
        }
        return size;
    }

    private static void stopIfInterrupted(String tried) throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException(tried + ", was interrupted");
        }
    }

    private static final class DiffIdMismatch extends IOException {
        DiffIdMismatch(String message) {
            super(message);
        }
    }
}
