package io.gantry.cni;

import org.jspecify.annotations.Nullable;

/** A network could not be read, attached, checked or detached. The message names the network, the plugin and the container it was about. */
public final class CniException extends Exception {
    private static final long serialVersionUID = 1L;

    /** What a caller may do about the failure. */
    public enum Kind {
        /** No network is configured, or a plugin of it is not installed. */
        NOT_FOUND,
        /** A configuration or an argument does not follow the CNI specification. */
        INVALID,
        /** The plugin asks to be called again later, or did not end within its time. */
        UNAVAILABLE,
        /** The plugin failed. */
        PLUGIN_FAILED,
        /** A plugin's answer could not be understood, or a file of ours not be read or written. */
        INTERNAL
    }

    private final Kind kind;
    private final @Nullable String plugin;
    private final int code;

    public CniException(Kind kind, String message) {
        this(kind, message, null, 0, null);
    }

    public CniException(Kind kind, String message, @Nullable Throwable cause) {
        this(kind, message, null, 0, cause);
    }

    private CniException(Kind kind, String message, @Nullable String plugin, int code, @Nullable Throwable cause) {
        super(message, cause);
        this.kind = kind;
        this.plugin = plugin;
        this.code = code;
    }

    /**
     * A failure that a plugin reported by the specification's error object (section 5, "Error").
     *
     * @param plugin the plugin's type, as the configuration names it
     * @param code the error code of the object, or 0 where the plugin gave none
     */
    public static CniException ofPlugin(Kind kind, String plugin, int code, String message) {
        return new CniException(kind, message, plugin, code, null);
    }

    /** What a caller may do about it. */
    public Kind kind() {
        return kind;
    }

    /** The plugin that failed, if it was one. */
    public @Nullable String plugin() {
        return plugin;
    }

    /** The plugin's error code (specification, section 5), or 0. */
    public int code() {
        return code;
    }
}
