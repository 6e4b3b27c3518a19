package io.gantry.runtime.cdi;

import java.io.IOException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Names of devices: {@code vendor/class=device}. */
record QualifiedName(String kind, String device) {
    private static final Pattern KIND =
            Pattern.compile("[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?/[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?");
    private static final Pattern DEVICE = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?");
    private static final Pattern QUALIFIED = Pattern.compile("([^=]*)=(.*)", Pattern.DOTALL);

    /** What is wrong is said by an IOException. */
    static QualifiedName parse(String text) throws IOException {
        Matcher match = QUALIFIED.matcher(text);
        if (!match.matches()) {
            throw new IOException("it is not of the form vendor/class=device");
        }
        checkKind(match.group(1));
        checkDevice(match.group(2));
        return new QualifiedName(match.group(1), match.group(2));
    }

    static void checkKind(String kind) throws IOException {
        if (!KIND.matcher(kind).matches()) {
            throw new IOException("\"" + kind + "\" is no kind of devices, which has the form vendor/class");
        }
    }

    static void checkDevice(String device) throws IOException {
        if (!DEVICE.matcher(device).matches()) {
            throw new IOException("\"" + device + "\" is no name of a device");
        }
    }
}
