package io.gantry.image.manifest;

import io.gantry.image.json.JsonTree;
import java.util.Locale;

/** An operating system, an architecture in Go's spelling, and its variant, empty if it has none. */
public record Platform(String os, String architecture, String variant) {
    static Platform read(JsonTree json) {
        return of(
                json.get("os").text(),
                json.get("architecture").text(),
                json.get("variant").text());
    }

    /** The platform with the spellings that occur in the wild brought to one. */
    public static Platform of(String os, String architecture, String variant) {
        String arch = architecture.toLowerCase(Locale.ROOT);
        String plain = variant.toLowerCase(Locale.ROOT);
        return switch (arch) {
            case "x86_64", "x86-64", "amd64" -> new Platform(os, "amd64", plain.equals("v1") ? "" : plain);
            case "aarch64", "arm64" -> new Platform(os, "arm64", plain.equals("8") || plain.equals("v8") ? "" : plain);
            case "armhf" -> new Platform(os, "arm", "v7");
            case "armel" -> new Platform(os, "arm", "v6");
            case "arm" -> new Platform(os, "arm", plain.isEmpty() ? "v7" : plain.startsWith("v") ? plain : "v" + plain);
            case "i386" -> new Platform(os, "386", plain);
            default -> new Platform(os, arch, plain);
        };
    }

    @Override
    public String toString() {
        return os + "/" + architecture + (variant.isEmpty() ? "" : "/" + variant);
    }
}
