package io.gantry.cni;

import io.gantry.cni.CniException.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folders of network configurations. Each use looks at names, times and sizes and reads again only what the look makes suspicious: a
 * folder that is deleted and made again, which a watch would lose (and which network add-ons do), needs no special case.
 */
final class NetworkLists {
    private static final Logger LOG = LoggerFactory.getLogger(NetworkLists.class);

    private final List<Path> dirs;
    private Snapshot current = new Snapshot(List.of(), null, List.of());
    private boolean loaded;

    NetworkLists(List<Path> dirs) {
        this.dirs = dirs;
    }

    /**
     * What the folders held at one moment.
     *
     * @param defaultNetwork the first valid one by file name, or null
     * @param errors why files before it were skipped
     */
    record Snapshot(List<Seen> files, @Nullable NetworkList defaultNetwork, List<String> errors) {}

    /** A file as it looked when it was read. */
    record Seen(
            Path file,
            long modifiedNanos,
            long size,
            @Nullable Object key) {}

    /** The state of the folders now. */
    synchronized Snapshot current() {
        List<Seen> files = look();
        if (!loaded || !files.equals(current.files())) {
            current = load(files);
            loaded = true;
        }
        return current;
    }

    /** The default network. */
    NetworkList defaultNetwork() throws CniException {
        Snapshot snapshot = current();
        if (snapshot.defaultNetwork() == null) {
            throw new CniException(Kind.NOT_FOUND, missing(snapshot));
        }
        return snapshot.defaultNetwork();
    }

    /** Why there is no default network. */
    String missing(Snapshot snapshot) {
        String text = "no network config found in "
                + dirs.stream().map(Path::toString).collect(Collectors.joining(", "));
        return snapshot.errors().isEmpty() ? text : text + ": " + String.join("; ", snapshot.errors());
    }

    private List<Seen> look() {
        List<Seen> files = new ArrayList<>();
        for (Path dir : dirs) {
            List<Seen> ofDir = new ArrayList<>();
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(dir, "*.{conf,conflist,json}")) {
                for (Path file : entries) {
                    seen(file, ofDir);
                }
            } catch (IOException | DirectoryIteratorException e) {
                // A folder that is not there (yet), or goes while it is listed, is the same as an empty one.
                Objects.requireNonNull(e);
            }
            ofDir.sort(Comparator.comparing(seen -> seen.file().getFileName().toString()));
            files.addAll(ofDir);
        }
        return files;
    }

    private static void seen(Path file, List<Seen> files) throws IOException {
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            if (attributes.isRegularFile()) {
                files.add(new Seen(
                        file,
                        attributes.lastModifiedTime().to(TimeUnit.NANOSECONDS),
                        attributes.size(),
                        attributes.fileKey()));
            }
        } catch (NoSuchFileException e) {
            // It went between the listing and the look, or is a dangling symbolic link.
            Objects.requireNonNull(e);
        }
    }

    private static Snapshot load(List<Seen> files) {
        List<String> errors = new ArrayList<>();
        for (Seen seen : files) {
            try {
                NetworkList network = read(seen.file());
                LOG.info("network {} (CNI {}) from {}", network.name(), network.version(), seen.file());
                return new Snapshot(files, network, List.copyOf(errors));
            } catch (CniException | IOException e) {
                String error = seen.file() + ": " + e.getMessage();
                LOG.warn("network configuration skipped: {}", error);
                errors.add(error);
            }
        }
        return new Snapshot(files, null, List.copyOf(errors));
    }

    private static NetworkList read(Path file) throws CniException, IOException {
        byte[] source;
        try (InputStream in = Files.newInputStream(file)) {
            source = in.readNBytes(Json.MAX_BYTES + 1);
        }
        if (source.length > Json.MAX_BYTES) {
            throw new CniException(Kind.INVALID, "it is larger than " + Json.MAX_BYTES + " bytes");
        }
        return file.toString().endsWith(".conflist") ? NetworkList.parse(source) : NetworkList.parseSingle(source);
    }
}
