package io.gantry.image;

/**
 * What a caller gives along to authenticate at a registry. Empty strings mean "not given". Never logged: {@link #toString} hides everything.
 *
 * @param username for Basic, or for the token endpoint
 * @param password for Basic, or for the token endpoint
 * @param identityToken a refresh token to trade at the token endpoint
 * @param registryToken a bearer token to send as it is
 * @param serverAddress host (or URL) the credentials are meant for; empty: the registry of the image and its mirrors
 */
public record RegistryCredentials(
        String username, String password, String identityToken, String registryToken, String serverAddress) {
    /** No credentials at all. */
    public static final RegistryCredentials NONE = new RegistryCredentials("", "", "", "", "");

    public boolean isEmpty() {
        return username.isEmpty() && password.isEmpty() && identityToken.isEmpty() && registryToken.isEmpty();
    }

    @Override
    public String toString() {
        return isEmpty() ? "RegistryCredentials[none]" : "RegistryCredentials[hidden]";
    }
}
