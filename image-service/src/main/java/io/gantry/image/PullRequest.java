package io.gantry.image;

/**
 * One wish to have an image here.
 *
 * @param reference as the user wrote it
 * @param credentials {@link RegistryCredentials#NONE} to use those of the configured config.json, if any
 */
public record PullRequest(String reference, RegistryCredentials credentials) {
    /** A pull without credentials of the caller's own. */
    public static PullRequest anonymous(String reference) {
        return new PullRequest(reference, RegistryCredentials.NONE);
    }
}
