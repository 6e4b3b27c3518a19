package io.gantry.sandbox;

import io.gantry.linux.Spawn;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The AppArmor profiles that the kernel has loaded, and the one that gantry brings. Safe for many threads. */
public final class AppArmor {
    /** The name of the profile for runtime/default. */
    public static final String DEFAULT = "gantry-default";

    private static final Logger LOG = LoggerFactory.getLogger(AppArmor.class);
    private static final Duration LOADING = Duration.ofSeconds(30);

    private final Path loaded;
    private final List<Path> parsers;
    private final Path scratch;
    private final ReentrantLock loading = new ReentrantLock();
    private boolean toldThatParserIsMissing;

    /** @param scratch a file that may be written: the text of the default profile, while it is being loaded */
    public AppArmor(Path scratch) {
        this(
                Path.of("/sys/kernel/security/apparmor/profiles"),
                List.of(Path.of("/usr/sbin/apparmor_parser"), Path.of("/sbin/apparmor_parser")),
                scratch);
    }

    AppArmor(Path loaded, List<Path> parsers, Path scratch) {
        this.loaded = loaded;
        this.parsers = parsers;
        this.scratch = scratch;
    }

    /** Whether the kernel has it. Without the list of profiles nothing can be told of it, as in a container that is not given securityfs. */
    public boolean enabled() {
        return Files.isReadable(loaded);
    }

    /** The program that loads profiles, if this machine has it. */
    public Optional<Path> parser() {
        return parsers.stream().filter(Files::isExecutable).findFirst();
    }

    /**
     * A profile that somebody has loaded.
     *
     * @throws SandboxException FAILED_PRECONDITION if it is not loaded, or the kernel has no AppArmor
     */
    public String require(String profile) throws SandboxException {
        if (!enabled()) {
            throw new SandboxException(
                    SandboxException.Kind.FAILED_PRECONDITION,
                    "AppArmor profile " + profile + ": AppArmor is not enabled on this node (" + loaded
                            + " cannot be read)");
        }
        if (!isLoaded(profile)) {
            throw new SandboxException(
                    SandboxException.Kind.FAILED_PRECONDITION,
                    "AppArmor profile " + profile + " is not loaded on this node; load it with apparmor_parser");
        }
        return profile;
    }

    /**
     * The default profile, loaded now if it is not: by its name, so an administrator who loads one of the same name has the say. Empty if the
     * kernel has no AppArmor, or there is nothing to load it with; that is logged once.
     *
     * @throws SandboxException INTERNAL if it cannot be loaded
     */
    public Optional<String> runtimeDefault() throws SandboxException {
        if (!enabled()) {
            return Optional.empty();
        }
        loading.lock();
        try {
            if (!isLoaded(DEFAULT)) {
                Optional<Path> parser = parser();
                if (parser.isEmpty()) {
                    tellThatParserIsMissing();
                    return Optional.empty();
                }
                load(parser.get());
            }
            return Optional.of(DEFAULT);
        } finally {
            loading.unlock();
        }
    }

    private void tellThatParserIsMissing() {
        if (!toldThatParserIsMissing) {
            toldThatParserIsMissing = true;
            LOG.warn(
                    "containers run without AppArmor's {}: the kernel has AppArmor, but apparmor_parser is missing (apt-get install apparmor)",
                    DEFAULT);
        }
    }

    private void load(Path parser) throws SandboxException {
        String tried = "load AppArmor profile " + DEFAULT + " with " + parser;
        try (InputStream text = AppArmor.class.getResourceAsStream("apparmor-default.txt")) {
            if (text == null) {
                throw new IllegalStateException("apparmor-default.txt is not in the jar");
            }
            Files.write(scratch, text.readAllBytes());
            // --replace, since another daemon of this machine may load it at the same moment.
            Spawn.Result result = Spawn.run(
                    List.of(parser.toString(), "--skip-cache", "--replace", scratch.toString()),
                    List.of("LC_ALL=C"),
                    LOADING);
            if (result.code() != 0 || !isLoaded(DEFAULT)) {
                throw new SandboxException(
                        SandboxException.Kind.INTERNAL,
                        tried + ": it ended with code " + result.code() + ": "
                                + result.stderr().strip());
            }
            LOG.info("loaded AppArmor profile {}", DEFAULT);
        } catch (IOException e) {
            throw new SandboxException(SandboxException.Kind.INTERNAL, tried + ": " + e.getMessage(), e);
        } finally {
            remove(scratch);
        }
    }

    private static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.debug("cannot delete {}: {}", file, e.toString());
        }
    }

    /** The kernel's list has a line for each profile: {@code NAME (MODE)}. */
    private boolean isLoaded(String profile) throws SandboxException {
        try {
            return Files.readAllLines(loaded).stream()
                    .anyMatch(line -> line.startsWith(profile + " (") && line.indexOf('(', profile.length() + 2) < 0);
        } catch (IOException e) {
            throw new SandboxException(
                    SandboxException.Kind.INTERNAL, "read AppArmor's profiles from " + loaded + ": " + e, e);
        }
    }
}
