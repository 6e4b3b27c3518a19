package io.gantry.image;

/** Keeps an image's layers in place until closed, whatever becomes of its names. Closing twice is harmless. Thread-safe. */
public interface ImageLease extends AutoCloseable {
    /** The image as it was when the lease was taken. */
    Image image();

    /** Lets go; layers that nothing else needs are deleted in the background. */
    @Override
    void close();
}
