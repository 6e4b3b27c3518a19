package io.gantry.image.registry;

import io.gantry.image.ImageException;
import io.gantry.image.RegistryCredentials;
import io.gantry.image.json.JsonTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;

/** A docker {@code config.json}: credentials by host, or by host and the start of a repository, the longest match winning. Hosts may hold {@code *} for a label. */
final class CredentialFile {
    private CredentialFile() {}

    /**
     * The credentials for a repository; none if the file is not there or names nothing that fits.
     *
     * @throws ImageException INVALID, naming the file but none of its content, when it does not parse
     */
    static RegistryCredentials find(Path file, String host, String repository) throws ImageException {
        JsonTree auths;
        try {
            auths = JsonTree.parse(Files.readAllBytes(file)).get("auths");
        } catch (NoSuchFileException e) {
            return RegistryCredentials.NONE;
        } catch (IOException e) {
            // Jackson's message quotes the place, which may be a password.
            throw new ImageException(ImageException.Kind.INVALID, "the credentials in " + file + " cannot be read");
        }
        RegistryCredentials best = RegistryCredentials.NONE;
        int length = -1;
        for (Map.Entry<String, JsonTree> entry : auths.members().entrySet()) {
            String key = plain(entry.getKey());
            if (key.length() > length && matches(key, host, repository)) {
                best = credentials(file, entry.getValue());
                length = key.length();
            }
        }
        return best;
    }

    /** Host and path of a key, which may be a URL as old clients wrote it. */
    private static String plain(String key) {
        String plain =
                key.replaceFirst("^https?://", "").replaceFirst("/v[12]/?$", "").replaceFirst("/+$", "");
        int slash = plain.indexOf('/');
        String host = slash < 0 ? plain : plain.substring(0, slash);
        boolean hub = host.equals("index.docker.io") || host.equals("registry-1.docker.io");
        return hub ? "docker.io" + plain.substring(host.length()) : plain;
    }

    private static boolean matches(String key, String host, String repository) {
        int slash = key.indexOf('/');
        String keyHost = slash < 0 ? key : key.substring(0, slash);
        String keyPath = slash < 0 ? "" : key.substring(slash + 1);
        boolean path = keyPath.isEmpty() || repository.equals(keyPath) || repository.startsWith(keyPath + "/");
        return path && matchesHost(keyHost.split("\\.", -1), host.split("\\.", -1));
    }

    private static boolean matchesHost(String[] pattern, String[] labels) {
        if (pattern.length != labels.length) {
            return false;
        }
        for (int i = 0; i < pattern.length; i++) {
            if (!pattern[i].equals("*") && !pattern[i].equals(labels[i])) {
                return false;
            }
        }
        return true;
    }

    private static RegistryCredentials credentials(Path file, JsonTree entry) throws ImageException {
        String username = entry.get("username").text();
        String password = entry.get("password").text();
        if (!entry.get("auth").text().isEmpty()) {
            try {
                String decoded = new String(
                        Base64.getDecoder().decode(entry.get("auth").text().strip()), StandardCharsets.UTF_8);
                int colon = decoded.indexOf(':');
                username = decoded.substring(0, Math.max(colon, 0));
                password = decoded.substring(colon + 1).replace("\0", "");
            } catch (IllegalArgumentException e) {
                throw new ImageException(ImageException.Kind.INVALID, "an auth field in " + file + " is not base64");
            }
        }
        return new RegistryCredentials(
                username,
                password,
                entry.get("identitytoken").text(),
                entry.get("registrytoken").text(),
                "");
    }
}
