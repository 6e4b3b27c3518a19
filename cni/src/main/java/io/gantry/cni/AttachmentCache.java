package io.gantry.cni;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gantry.cni.CniException.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Owns {@code <cacheDir>/results}: one file for each attachment, in libcni's layout so that other tools find it. It is written without a
 * result before the first plugin runs, so that whatever happens during ADD is known to need a DEL, and again with the result.
 */
final class AttachmentCache {
    private static final Logger LOG = LoggerFactory.getLogger(AttachmentCache.class);
    private static final String KIND = "cniCacheV1";
    private static final String TEMP_PREFIX = ".tmp-";

    private final Path dir;

    AttachmentCache(Path cacheDir) {
        this.dir = cacheDir.resolve("results");
    }

    /**
     * What is known of an attachment.
     *
     * @param network the network as it was configured when the attachment was made
     * @param capabilityArgs runtimeConfig of all capabilities that were asked for
     * @param result the final result in the network's version, or null if ADD did not end
     */
    record Entry(
            NetworkList network,
            String containerId,
            String ifName,
            @Nullable Path netns,
            Map<String, String> args,
            ObjectNode capabilityArgs,
            @Nullable ObjectNode result) {
        Entry withResult(ObjectNode newResult) {
            return new Entry(network, containerId, ifName, netns, args, capabilityArgs, newResult);
        }

        private String fileName() {
            return network.name() + "-" + containerId + "-" + ifName;
        }
    }

    /** Writes or replaces an entry, atomically. */
    void put(Entry entry) throws CniException {
        ObjectNode json = Json.object();
        json.put("kind", KIND);
        json.put("containerId", entry.containerId());
        json.put("config", base64(entry.network().source()));
        json.put("ifName", entry.ifName());
        json.put("networkName", entry.network().name());
        if (entry.netns() != null) {
            json.put("netns", entry.netns().toString());
        }
        ArrayNode args = json.putArray("cniArgs");
        entry.args().forEach((name, value) -> args.addArray().add(name).add(value));
        json.set("capabilityArgs", entry.capabilityArgs());
        if (entry.result() != null) {
            json.set("result", entry.result());
        }
        Path file = dir.resolve(entry.fileName());
        try {
            Files.createDirectories(
                    dir, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            Path temp = Files.createTempFile(dir, TEMP_PREFIX, "");
            try {
                Files.write(temp, Json.bytes(json));
                Files.move(temp, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(temp);
            }
        } catch (IOException e) {
            throw new CniException(Kind.INTERNAL, "cannot write the attachment's record " + file, e);
        }
    }

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    void remove(Entry entry) throws CniException {
        Path file = dir.resolve(entry.fileName());
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new CniException(Kind.INTERNAL, "cannot remove the attachment's record " + file, e);
        }
    }

    /** The entry of an attachment, whichever network it was made in; null if there is none that can be read. */
    @Nullable
    Entry find(String containerId, String ifName) throws CniException {
        return entries("-" + containerId + "-" + ifName).stream()
                .filter(entry -> entry.containerId().equals(containerId)
                        && entry.ifName().equals(ifName))
                .findFirst()
                .orElse(null);
    }

    /** All entries that can be read. */
    List<Entry> all() throws CniException {
        return entries("");
    }

    private List<Entry> entries(String suffix) throws CniException {
        List<Entry> entries = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(dir)) {
            for (Path file : files) {
                String name = file.getFileName().toString();
                if (!name.startsWith(TEMP_PREFIX) && name.endsWith(suffix)) {
                    Entry entry = read(file);
                    if (entry != null) {
                        entries.add(entry);
                    }
                }
            }
        } catch (NoSuchFileException e) {
            return entries;
        } catch (IOException | DirectoryIteratorException e) {
            throw new CniException(Kind.INTERNAL, "cannot list the attachments' records in " + dir, e);
        }
        return entries;
    }

    /** An unreadable record is as good as none: DEL then goes by the network of today. */
    private static @Nullable Entry read(Path file) {
        try {
            ObjectNode json = Json.parseObject(Files.readAllBytes(file));
            if (!Json.text(json, "kind").equals(KIND)) {
                throw new IOException("its kind is not " + KIND);
            }
            byte[] config = Base64.getDecoder().decode(Json.text(json, "config"));
            Map<String, String> args = new LinkedHashMap<>();
            for (JsonNode pair : json.path("cniArgs")) {
                args.put(pair.path(0).asText(), pair.path(1).asText());
            }
            return new Entry(
                    NetworkList.parse(config),
                    Json.text(json, "containerId"),
                    Json.text(json, "ifName"),
                    json.has("netns") ? Path.of(Json.text(json, "netns")) : null,
                    args,
                    json.path("capabilityArgs") instanceof ObjectNode object ? object : Json.object(),
                    json.path("result") instanceof ObjectNode object ? object : null);
        } catch (IOException | CniException | IllegalArgumentException e) {
            LOG.warn("attachment record {} is passed over: {}", file, e.getMessage());
            return null;
        }
    }
}
