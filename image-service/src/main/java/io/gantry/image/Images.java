package io.gantry.image;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The images of this machine. Thread-safe; {@link #find}, {@link #list} and {@link #usage} take no lock and touch no disk. */
public interface Images extends AutoCloseable {
    /**
     * The image known by {@code referenceOrId}: its id ({@code sha256:...} or bare hex), a name with a tag or a digest or both, a name alone (its
     * {@code latest}), or at least 4 hex digits that begin one id only. A name wins over a short id.
     *
     * @throws ImageException INVALID when a short id fits several images
     */
    Optional<Image> find(String referenceOrId) throws ImageException;

    /** All images, in the order of their ids. */
    List<Image> list();

    /**
     * Fetches, verifies and unpacks an image, and names it. Concurrent pulls of one reference share one flight. An interrupt leaves the flight; the last
     * one to leave cancels it, and then nothing of it stays.
     *
     * @throws ImageException INVALID, NOT_FOUND, DENIED, REGISTRY_UNAVAILABLE, CORRUPT, NO_SPACE, INTERNAL
     */
    Image pull(PullRequest request) throws ImageException, InterruptedException;

    /**
     * Takes an image out of an OCI image layout, a folder or a tar of one. The layout must hold one image for this machine's platform.
     *
     * @param reference the tag to give it
     */
    Image importOciLayout(Path folderOrTar, String reference, boolean pinned)
            throws ImageException, InterruptedException;

    /**
     * Removes an image with all its names, found as in {@link #find}. It is gone from {@link #find} and {@link #list} on return; layers go when no
     * image and no lease needs them. An unknown image is no error.
     *
     * @throws ImageException INVALID for an ambiguous short id
     */
    void remove(String referenceOrId) throws ImageException;

    /**
     * Keeps the layers of the image with this id until the lease is closed, also over a removal of the image. A daemon that starts takes the leases of
     * its containers again, then calls {@link #collectUnused}; an image that was removed while held is still known here, though not to {@link #find}.
     *
     * @param imageId an {@link Image#id}
     * @throws ImageException NOT_FOUND
     */
    ImageLease hold(String imageId) throws ImageException;

    /** Deletes what no image and no lease needs: called once the leases are taken after a start. Until then nothing is deleted. */
    void collectUnused();

    /** The config document of an image, JSON as the registry served it. */
    byte[] configDocument(Image image) throws ImageException;

    /** What the store takes on disk. */
    FilesystemUsage usage();

    /** Cancels running pulls and waits for them to be cleaned up. */
    @Override
    void close();
}
