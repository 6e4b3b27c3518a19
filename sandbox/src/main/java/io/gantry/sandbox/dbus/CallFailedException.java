package io.gantry.sandbox.dbus;

import java.io.IOException;

/** The other side answered a call with an error. */
public final class CallFailedException extends IOException {
    private final String name;

    CallFailedException(String name, String message) {
        super(message.isEmpty() ? name : message + " (" + name + ")");
        this.name = name;
    }

    /** The error's name, such as {@code org.freedesktop.systemd1.NoSuchUnit}. */
    public String name() {
        return name;
    }
}
