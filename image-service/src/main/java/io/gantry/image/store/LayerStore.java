package io.gantry.image.store;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.gantry.image.Digest;
import io.gantry.image.json.JsonTree;
import io.gantry.image.unpack.LayerSize;
import io.gantry.linux.Directory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Unpacked layers by their diff-ids. A layer that is in place is complete. Thread-safe. */
public final class LayerStore {
    private static final Logger LOG = LoggerFactory.getLogger(LayerStore.class);
    private static final JsonFactory JSON = new JsonFactory();

    private final StorePaths paths;
    private final Map<Digest, LayerSize> layers = new ConcurrentHashMap<>();

    LayerStore(StorePaths paths) throws IOException {
        this.paths = paths;
        try (Directory tmp = Directory.open(paths.tmp())) {
            tmp.spreadSubdirectories();
        }
        try (DirectoryStream<Path> folders = Files.newDirectoryStream(paths.layers())) {
            for (Path folder : folders) {
                load(folder);
            }
        }
    }

    private void load(Path folder) throws IOException {
        String hex = String.valueOf(folder.getFileName());
        Optional<Digest> diffId = Digest.tryParse("sha256:" + hex).or(() -> Digest.tryParse("sha512:" + hex));
        try {
            JsonTree meta = JsonTree.parse(Files.readAllBytes(folder.resolve("meta.json")));
            if (diffId.isPresent()
                    && Files.isDirectory(folder.resolve("fs"))
                    && meta.get("inodes").number(0) > 0) {
                layers.put(
                        diffId.get(),
                        new LayerSize(
                                meta.get("bytes").number(0), meta.get("inodes").number(0)));
                return;
            }
        } catch (IOException e) {
            LOG.warn("layer {} cannot be read and is dropped: {}", folder, e.toString());
        }
        Files.move(folder, paths.freshTmp("bad-layer"), StandardCopyOption.ATOMIC_MOVE);
    }

    public boolean has(Digest diffId) {
        return layers.containsKey(diffId);
    }

    /** The folder that overlayfs takes as a lower layer. */
    Path tree(Digest diffId) {
        return paths.layerTree(diffId);
    }

    /** Begins a layer, out of sight. */
    public Build begin(Digest diffId) throws IOException {
        Path folder = paths.freshTmp("layer");
        Files.createDirectory(folder);
        Files.createDirectory(folder.resolve("fs"));
        return new Build(diffId, folder);
    }

    /** A layer in the making. Closing it without {@link #commit} leaves nothing. */
    public final class Build implements AutoCloseable {
        private final Digest diffId;
        private final Path folder;

        private Build(Digest diffId, Path folder) {
            this.diffId = diffId;
            this.folder = folder;
        }

        /** Where to unpack to. */
        public Path tree() {
            return folder.resolve("fs");
        }

        /** Where to keep the compressed bytes meanwhile, if at all. */
        public Path blob() {
            return folder.resolve("blob");
        }

        /** Puts the layer in place, its content having been verified. */
        public void commit(LayerSize size) throws IOException {
            ByteArrayOutputStream meta = new ByteArrayOutputStream();
            try (JsonGenerator json = JSON.createGenerator(meta)) {
                json.writeStartObject();
                json.writeStringField("diffId", diffId.toString());
                json.writeNumberField("bytes", size.bytes());
                json.writeNumberField("inodes", size.inodes());
                json.writeEndObject();
            }
            Files.write(folder.resolve("meta.json"), meta.toByteArray());
            synchronized (LayerStore.this) {
                if (!has(diffId)) {
                    Files.move(folder, paths.layer(diffId), StandardCopyOption.ATOMIC_MOVE);
                    layers.put(diffId, size);
                }
            }
        }

        @Override
        public void close() throws IOException {
            deleteTmp(folder);
        }
    }

    /** Takes all layers but {@code needed} out of the store, at once; what is returned is to be deleted at leisure. */
    synchronized List<Path> retain(Set<Digest> needed) throws IOException {
        List<Path> unused = new ArrayList<>();
        for (Digest diffId : Set.copyOf(layers.keySet())) {
            if (!needed.contains(diffId)) {
                Path tmp = paths.freshTmp("unused-layer");
                layers.remove(diffId);
                Files.move(paths.layer(diffId), tmp, StandardCopyOption.ATOMIC_MOVE);
                unused.add(tmp);
            }
        }
        return unused;
    }

    /** Deletes what lies below {@code tmp/}; nothing there is no error. */
    void deleteTmp(Path path) throws IOException {
        try (Directory tmp = Directory.open(paths.tmp())) {
            tmp.deleteTree(String.valueOf(path.getFileName()));
        }
    }

    LayerSize total() {
        long bytes = 0;
        long inodes = 0;
        for (LayerSize size : layers.values()) {
            bytes += size.bytes();
            inodes += size.inodes();
        }
        return new LayerSize(bytes, inodes);
    }
}
