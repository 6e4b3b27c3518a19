package io.gantry.image.store;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.gantry.image.Digest;
import io.gantry.image.ImageException;
import io.gantry.image.json.JsonTree;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.TreeSet;

/**
 * What is kept about an image beside its documents.
 *
 * @param config the digest of the config, the image's id
 * @param manifests digests of the manifest and of the index that led to it
 * @param blobs digests of the compressed layers
 * @param diffIds of the layers, lowest first
 * @param size bytes of the compressed layers and the config
 * @param removed not to be seen any more; here for the containers that still run from it
 * @param unsyncedBoot the kernel's boot id as long as the image's files may not be on the disk yet, then empty: after a power cut they cannot be trusted
 * @param changed when it was written, in nanoseconds since the epoch: of two records that claim one tag, the newer is right
 */
record ImageRecord(
        Digest config,
        List<Digest> manifests,
        List<Digest> blobs,
        List<Digest> diffIds,
        long size,
        NavigableSet<String> tags,
        NavigableSet<String> digests,
        boolean pinned,
        boolean removed,
        String unsyncedBoot,
        long changed) {
    private static final JsonFactory JSON = new JsonFactory();

    String id() {
        return config.toString();
    }

    ImageRecord withNames(NavigableSet<String> newTags, NavigableSet<String> newDigests, long now) {
        return new ImageRecord(
                config, manifests, blobs, diffIds, size, newTags, newDigests, pinned, removed, unsyncedBoot, now);
    }

    ImageRecord asRemoved(long now) {
        return new ImageRecord(
                config,
                manifests,
                blobs,
                diffIds,
                size,
                new TreeSet<>(),
                new TreeSet<>(),
                false,
                true,
                unsyncedBoot,
                now);
    }

    ImageRecord asSynced() {
        return new ImageRecord(config, manifests, blobs, diffIds, size, tags, digests, pinned, removed, "", changed);
    }

    byte[] write() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (JsonGenerator json = JSON.createGenerator(out)) {
            json.writeStartObject();
            json.writeStringField("config", config.toString());
            writeAll(json, "manifests", manifests);
            writeAll(json, "blobs", blobs);
            writeAll(json, "diffIds", diffIds);
            json.writeNumberField("size", size);
            writeAll(json, "tags", List.copyOf(tags));
            writeAll(json, "digests", List.copyOf(digests));
            json.writeBooleanField("pinned", pinned);
            json.writeBooleanField("removed", removed);
            json.writeStringField("unsyncedBoot", unsyncedBoot);
            json.writeNumberField("changed", changed);
            json.writeEndObject();
        }
        return out.toByteArray();
    }

    private static void writeAll(JsonGenerator json, String name, List<?> values) throws IOException {
        json.writeArrayFieldStart(name);
        for (Object value : values) {
            json.writeString(value.toString());
        }
        json.writeEndArray();
    }

    static ImageRecord read(byte[] content) throws IOException, ImageException {
        JsonTree json = JsonTree.parse(content);
        return new ImageRecord(
                Digest.parse(json.get("config").text()),
                digests(json.get("manifests")),
                digests(json.get("blobs")),
                digests(json.get("diffIds")),
                json.get("size").number(0),
                new TreeSet<>(json.get("tags").texts()),
                new TreeSet<>(json.get("digests").texts()),
                json.get("pinned").isTrue(),
                json.get("removed").isTrue(),
                json.get("unsyncedBoot").text(),
                json.get("changed").number(0));
    }

    private static List<Digest> digests(JsonTree array) throws ImageException {
        List<Digest> digests = new ArrayList<>();
        for (String text : array.texts()) {
            digests.add(Digest.parse(text));
        }
        return digests;
    }
}
