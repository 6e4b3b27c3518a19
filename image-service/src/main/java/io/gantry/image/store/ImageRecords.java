package io.gantry.image.store;

import io.gantry.image.Digest;
import io.gantry.image.ImageConfigFile;
import io.gantry.image.ImageException;
import io.gantry.image.manifest.ConfigDocument;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The records of images, in memory as on disk, one file each. Guarded by its owner's lock. */
final class ImageRecords {
    private static final Logger LOG = LoggerFactory.getLogger(ImageRecords.class);

    private final StorePaths paths;
    private final String boot;
    private final Map<String, ImageRecord> records = new HashMap<>();
    private final Map<String, ImageConfigFile> configs = new HashMap<>();

    private ImageRecords(StorePaths paths, String boot) {
        this.paths = paths;
        this.boot = boot;
    }

    /**
     * Reads all records; one that is not whole is set aside, so that the image is simply pulled again.
     *
     * @param boot the kernel's id of this boot
     */
    static ImageRecords load(StorePaths paths, BlobStore blobs, LayerStore layers, String boot) throws IOException {
        ImageRecords records = new ImageRecords(paths, boot);
        try (DirectoryStream<Path> files = Files.newDirectoryStream(paths.images(), "*.json")) {
            for (Path file : files) {
                try {
                    records.read(file, blobs, layers);
                } catch (IOException | ImageException e) {
                    LOG.warn("image record {} is set aside: {}", file, e.getMessage());
                    Files.move(file, file.resolveSibling(file.getFileName() + ".bad"), StandardCopyOption.ATOMIC_MOVE);
                }
            }
        }
        records.settleTags();
        return records;
    }

    private void read(Path file, BlobStore blobs, LayerStore layers) throws IOException, ImageException {
        ImageRecord record = ImageRecord.read(Files.readAllBytes(file));
        ImageConfigFile config = ConfigDocument.read(blobs.read(record.config()), record.config());
        for (Digest diffId : record.diffIds()) {
            if (!layers.has(diffId)) {
                throw new IOException("its layer " + diffId + " is not there");
            }
        }
        if (!record.unsyncedBoot().isEmpty() && !record.unsyncedBoot().equals(boot)) {
            throw new IOException("the machine went down before its files were on the disk; it is to be pulled again");
        }
        if (!config.diffIds().equals(record.diffIds()) || !file.equals(paths.record(record.config()))) {
            throw new IOException("it does not fit its config");
        }
        records.put(record.id(), record);
        configs.put(record.id(), config);
    }

    /** After a crash between two writes a tag may stand in two records; the newer one is right. */
    private void settleTags() throws IOException {
        Map<String, ImageRecord> owners = new HashMap<>();
        for (ImageRecord record : records.values()) {
            for (String tag : record.tags()) {
                owners.merge(tag, record, (a, b) -> a.changed() >= b.changed() ? a : b);
            }
        }
        for (Map.Entry<String, ImageRecord> owner : owners.entrySet()) {
            takeTag(owner.getKey(), owner.getValue().id(), owner.getValue().changed());
        }
    }

    /** The layers of all images. */
    Set<Digest> diffIds() {
        Set<Digest> all = new HashSet<>();
        records.values().forEach(record -> all.addAll(record.diffIds()));
        return all;
    }

    List<ImageRecord> all() {
        return List.copyOf(records.values());
    }

    Optional<ImageRecord> get(String id) {
        return Optional.ofNullable(records.get(id));
    }

    Optional<ImageConfigFile> config(String id) {
        return Optional.ofNullable(configs.get(id));
    }

    void put(ImageRecord record, ImageConfigFile config) throws IOException {
        paths.replace(paths.record(record.config()), record.write());
        records.put(record.id(), record);
        configs.put(record.id(), config);
    }

    void delete(ImageRecord record) throws IOException {
        Files.deleteIfExists(paths.record(record.config()));
        records.remove(record.id());
        configs.remove(record.id());
    }

    /** Takes a tag from all images but one. */
    void takeTag(String tag, String owner, long now) throws IOException {
        for (ImageRecord record : all()) {
            if (!record.id().equals(owner) && record.tags().contains(tag)) {
                NavigableSet<String> tags = new TreeSet<>(record.tags());
                tags.remove(tag);
                put(
                        record.withNames(tags, record.digests(), now),
                        config(record.id()).orElseThrow());
            }
        }
    }
}
