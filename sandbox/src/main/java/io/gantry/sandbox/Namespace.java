package io.gantry.sandbox;

import java.util.Locale;

/** A kind of namespace. The mount namespace is missing, since a container always has its own. */
public enum Namespace {
    NET,
    IPC,
    UTS,
    PID,
    USER,
    CGROUP;

    String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
