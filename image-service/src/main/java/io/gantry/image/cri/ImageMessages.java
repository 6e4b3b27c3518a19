package io.gantry.image.cri;

import io.gantry.cri.v1.AuthConfig;
import io.gantry.cri.v1.Image;
import io.gantry.cri.v1.Int64Value;
import io.gantry.image.ImageException;
import io.gantry.image.RegistryCredentials;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/** Translates between the CRI's messages and this module's own types. */
final class ImageMessages {
    private ImageMessages() {}

    /** The message of an image; spec stays empty, since answers must not depend on the reference that was asked. */
    static Image image(io.gantry.image.Image image) {
        Image.Builder message = Image.newBuilder()
                .setId(image.id())
                .addAllRepoTags(image.repoTags())
                .addAllRepoDigests(image.repoDigests())
                .setSize(image.size())
                .setPinned(image.pinned());
        String user = image.config().user();
        int colon = user.indexOf(':');
        String name = colon < 0 ? user : user.substring(0, colon);
        if (!name.isEmpty()) {
            try {
                message.setUid(Int64Value.newBuilder().setValue(Long.parseUnsignedLong(name)));
            } catch (NumberFormatException e) {
                message.setUsername(name);
            }
        }
        return message.build();
    }

    /** The credentials in {@code auth}; INVALID when its {@code auth} field is not base64 of {@code user:password}. */
    static RegistryCredentials credentials(AuthConfig auth) throws ImageException {
        String username = auth.getUsername();
        String password = auth.getPassword();
        if (username.isEmpty() && password.isEmpty() && !auth.getAuth().isEmpty()) {
            String decoded = decode(auth.getAuth());
            int colon = decoded.indexOf(':');
            if (colon < 0) {
                throw new ImageException(ImageException.Kind.INVALID, "the auth field holds no user:password");
            }
            username = decoded.substring(0, colon);
            // Some tools pad the decoded text with NULs.
            password = decoded.substring(colon + 1).replace("\0", "");
        }
        return new RegistryCredentials(
                username, password, auth.getIdentityToken(), auth.getRegistryToken(), auth.getServerAddress());
    }

    private static String decode(String base64) throws ImageException {
        try {
            return new String(Base64.getDecoder().decode(base64.strip()), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            // The cause would quote parts of the secret.
            throw new ImageException(ImageException.Kind.INVALID, "the auth field is not base64");
        }
    }
}
