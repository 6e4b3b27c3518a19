package io.gantry.daemon;

import java.util.logging.Level;
import java.util.logging.Logger;

/** The daemon's log: to stderr, a line an event, for journald or a file to take. */
final class Logging {
    private Logging() {}

    /** To be called before any logger is asked for: tinylog reads its configuration once. */
    static void configure(String level) {
        System.setProperty("tinylog.level", level);
        System.setProperty("tinylog.level@io.netty", "warn");
        System.setProperty("tinylog.autoshutdown", "false");
        System.setProperty("tinylog.writer", "console");
        System.setProperty("tinylog.writer.stream", "err");
        System.setProperty(
                "tinylog.writer.format",
                "{date:yyyy-MM-dd'T'HH:mm:ss.SSSXXX} {level|min-size=5} {class-name}: {message}");
        // gRPC logs by java.util.logging.
        Logger.getLogger("").setLevel(level.equals("debug") ? Level.INFO : Level.WARNING);
    }
}
