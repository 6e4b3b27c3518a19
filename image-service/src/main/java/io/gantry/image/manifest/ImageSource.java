package io.gantry.image.manifest;

import io.gantry.image.Digest;
import io.gantry.image.ImageException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;

/** Where one image's documents and blobs come from. What it hands out has the digests that were asked for. Thread-safe. */
public interface ImageSource {
    /** The digest of what is wanted, if it can be told cheaply. */
    Optional<Digest> resolve() throws InterruptedException;

    /** The manifest or index that is wanted. */
    Document manifest() throws ImageException, InterruptedException;

    /** The manifest with this digest. */
    Document manifest(Digest digest) throws ImageException, InterruptedException;

    /** A config document. */
    byte[] config(Descriptor config) throws ImageException, InterruptedException;

    /** A blob, as it is stored; it ends without an error only if it is all there. To be closed. */
    InputStream blob(Descriptor blob) throws ImageException, InterruptedException;

    /** The module's exception for one that came out of a {@link #blob}'s stream. */
    ImageException blobFailure(String tried, IOException failure);

    /**
     * A document with the digest of its bytes.
     *
     * @param contentType as it was told, may be empty
     */
    @SuppressWarnings("ArrayRecordComponent") // Never compared.
    record Document(byte[] content, String contentType, Digest digest) {}
}
