package io.gantry.sandbox;

import java.util.List;
import java.util.Locale;

/** Signal numbers, which x86_64 and aarch64 share. */
public final class Signals {
    public static final int SIGKILL = 9;
    public static final int SIGTERM = 15;

    private static final int RTMIN = 34;
    private static final int RTMAX = 64;
    private static final List<String> NAMES = List.of(
            "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
            "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
            "WINCH", "IO", "PWR", "SYS");

    private Signals() {}

    /**
     * The number of a signal as an image's STOPSIGNAL or the CRI gives it.
     *
     * @param text such as {@code SIGTERM}, {@code term}, {@code 15} or {@code SIGRTMIN+3}
     */
    public static int parse(String text) throws SandboxException {
        String name = text.strip().toUpperCase(Locale.ROOT);
        int number;
        try {
            number = Integer.parseInt(name);
        } catch (NumberFormatException e) {
            number = named(name.startsWith("SIG") ? name.substring(3) : name);
        }
        if (number < 1 || number > RTMAX) {
            throw new SandboxException(SandboxException.Kind.INVALID, "'" + text + "' is not a signal");
        }
        return number;
    }

    private static int named(String name) {
        int index = NAMES.indexOf(name);
        if (index >= 0) {
            return index + 1;
        }
        try {
            return switch (name) {
                case "IOT" -> 6;
                case "CLD" -> 17;
                case "POLL" -> 29;
                case "RTMIN" -> RTMIN;
                case "RTMAX" -> RTMAX;
                default -> {
                    int number = -1;
                    if (name.startsWith("RTMIN+")) {
                        number = RTMIN + Integer.parseInt(name.substring(6));
                    } else if (name.startsWith("RTMAX-")) {
                        number = RTMAX - Integer.parseInt(name.substring(6));
                    }
                    yield number >= RTMIN && number <= RTMAX ? number : -1;
                }
            };
        } catch (NumberFormatException e) {
            return -1;
        }
    }
}
