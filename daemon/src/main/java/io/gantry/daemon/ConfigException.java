package io.gantry.daemon;

/** A configuration or a command line that cannot be used; the message names the file or flag, the key and what is wrong with it. */
public final class ConfigException extends Exception {
    public ConfigException(String message) {
        super(message);
    }
}
