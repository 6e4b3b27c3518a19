package io.gantry.image.store;

import io.gantry.image.Digest;
import io.gantry.image.FilesystemUsage;
import io.gantry.image.Image;
import io.gantry.image.ImageConfigFile;
import io.gantry.image.ImageException;
import io.gantry.image.ImageLease;
import io.gantry.image.manifest.ConfigDocument;
import io.gantry.linux.Directory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The images of this machine. Readers use {@link #snapshot}, which waits for nothing; whoever changes something takes the one lock.
 *
 * <p>A layer stays as long as the record of an image, a lease or a reservation needs it. Nothing is collected before the first {@link #collectUnused}.
 */
public final class ImageStore implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ImageStore.class);

    private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");

    private final StorePaths paths;
    private final BlobStore blobs;
    private final LayerStore layers;
    private final ImageRecords records;
    private final UnaryOperator<Image> decorate;
    private final Map<String, Image> held = new HashMap<>();
    private final Map<String, Integer> leases = new HashMap<>();
    private final Set<Reservation> reservations = new HashSet<>();
    // One platform thread: its system calls take seconds, which would hold up a virtual thread's carrier.
    private final ExecutorService background = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("image-store").factory());
    private final AtomicBoolean syncQueued = new AtomicBoolean();
    private final String boot;
    private boolean collecting;
    private volatile ImageSnapshot snapshot;

    private ImageStore(
            StorePaths paths,
            BlobStore blobs,
            LayerStore layers,
            ImageRecords records,
            String boot,
            UnaryOperator<Image> decorate) {
        this.paths = paths;
        this.boot = boot;
        this.blobs = blobs;
        this.layers = layers;
        this.records = records;
        this.decorate = decorate;
        this.snapshot = makeSnapshot();
    }

    /**
     * Opens the store below {@code root}, made if it is not there. What an earlier daemon left half done goes; a record that cannot be read, or lacks its
     * config or a layer, is set aside with a warning.
     *
     * @param decorate adds what is not kept on disk, such as pins from the configuration
     */
    public static ImageStore open(Path root, UnaryOperator<Image> decorate) throws ImageException {
        try {
            StorePaths paths = new StorePaths(root);
            BlobStore blobs = new BlobStore(paths);
            LayerStore layers = new LayerStore(paths);
            String boot = Files.readString(BOOT_ID).strip();
            ImageRecords records = ImageRecords.load(paths, blobs, layers, boot);
            layers.retain(records.diffIds());
            List<Path> left = left(paths);
            ImageStore store = new ImageStore(paths, blobs, layers, records, boot, decorate);
            store.queueSync();
            // Ten thousands of files may take longer than anybody waits for a daemon to start.
            store.background.execute(() -> store.delete(left));
            return store;
        } catch (IOException e) {
            throw storeFailure("open the image store " + root, e);
        }
    }

    /** What an earlier daemon did not finish, and layers that no record vouches for: nobody can say whether their files reached the disk. */
    private static List<Path> left(StorePaths paths) throws IOException {
        try (Directory tmp = Directory.open(paths.tmp())) {
            return tmp.list().stream()
                    .map(entry -> paths.tmp().resolve(entry.name()))
                    .toList();
        }
    }

    /** The images to be seen now. */
    public ImageSnapshot snapshot() {
        return snapshot;
    }

    /** The layers, to look up and to add to. */
    public LayerStore layers() {
        return layers;
    }

    /** Keeps layers and blobs that a pull has found or made from being collected until it is closed. */
    public Reservation reserve() {
        Reservation reservation = new Reservation();
        synchronized (this) {
            reservations.add(reservation);
        }
        return reservation;
    }

    /** Digests that a running pull needs. */
    public final class Reservation implements AutoCloseable {
        private final Set<Digest> digests = new HashSet<>();

        private Reservation() {}

        /** Adds a diff-id, and says whether the layer is in place, from where it cannot go any more. */
        public boolean addLayer(Digest diffId) {
            synchronized (ImageStore.this) {
                digests.add(diffId);
                return layers.has(diffId);
            }
        }

        /** Adds a blob, and says whether it is in place. */
        public boolean addBlob(Digest digest) {
            synchronized (ImageStore.this) {
                digests.add(digest);
                return blobs.has(digest);
            }
        }

        /** Lets go; what no image came to need is deleted. */
        @Override
        public void close() {
            synchronized (ImageStore.this) {
                reservations.remove(this);
                collect();
            }
        }
    }

    /** A folder for something in between. */
    public Scratch scratch() throws IOException {
        Path folder = paths.freshTmp("scratch");
        Files.createDirectory(folder);
        return new Scratch(folder);
    }

    /** A folder that goes, with all in it, when it is closed. */
    public final class Scratch implements AutoCloseable {
        private final Path folder;

        private Scratch(Path folder) {
            this.folder = folder;
        }

        public Path folder() {
            return folder;
        }

        @Override
        public void close() throws IOException {
            layers.deleteTmp(folder);
        }
    }

    /** Takes over a verified compressed layer. */
    public synchronized void keepBlob(Digest digest, Path file) throws IOException {
        blobs.adopt(digest, file);
    }

    /** Puts on the disk what has been unpacked, then says so in the records: until then a power cut makes them void. */
    private void sync() {
        syncQueued.set(false);
        List<ImageRecord> unsynced;
        synchronized (this) {
            unsynced = records.all().stream()
                    .filter(record -> !record.unsyncedBoot().isEmpty())
                    .toList();
        }
        try (Directory root = Directory.open(paths.root())) {
            root.fd().syncFileSystem();
            synchronized (this) {
                for (ImageRecord record : unsynced) {
                    // One that has been written anew meanwhile may have got new layers, and waits for the next round.
                    if (records.get(record.id()).filter(record::equals).isPresent()) {
                        records.put(
                                record.asSynced(), records.config(record.id()).orElseThrow());
                    }
                }
            }
        } catch (IOException e) {
            LOG.warn(
                    "images could not be put on the disk; they are pulled again if the machine goes down: {}",
                    e.toString());
        }
    }

    private void queueSync() {
        if (syncQueued.compareAndSet(false, true)) {
            background.execute(this::sync);
        }
    }

    /** Records an image and its names; from now on it is seen. A tag moves here from the image that had it. */
    public synchronized Image commit(NewImage image, ImageConfigFile config) throws IOException {
        for (Map.Entry<Digest, byte[]> document : image.documents().entrySet()) {
            blobs.write(document.getKey(), document.getValue());
        }
        Optional<ImageRecord> known = records.get(image.config().toString());
        NavigableSet<String> tags = new TreeSet<>();
        NavigableSet<String> digests = new TreeSet<>();
        Set<Digest> manifests = new LinkedHashSet<>(image.manifests());
        boolean pinned = image.pinned();
        if (known.isPresent()) {
            tags.addAll(known.get().tags());
            digests.addAll(known.get().digests());
            manifests.addAll(known.get().manifests());
            pinned |= known.get().pinned();
        }
        image.tag().ifPresent(tags::add);
        image.repoDigest().ifPresent(digests::add);
        ImageRecord record = new ImageRecord(
                image.config(),
                List.copyOf(manifests),
                image.blobs(),
                config.diffIds(),
                image.size(),
                tags,
                digests,
                pinned,
                false,
                boot,
                now());
        // The new owner first: after a crash in between, the newer of two claims counts.
        records.put(record, config);
        if (image.tag().isPresent()) {
            records.takeTag(image.tag().get(), record.id(), now());
        }
        snapshot = makeSnapshot();
        queueSync();
        return snapshot.byId(record.id()).orElseThrow();
    }

    /** Gives another name to an image that is here; empty if it is here no more. */
    public synchronized Optional<Image> name(String id, Optional<String> tag, Optional<String> repoDigest)
            throws IOException {
        Optional<ImageRecord> record = records.get(id).filter(known -> !known.removed());
        if (record.isEmpty()) {
            return Optional.empty();
        }
        NavigableSet<String> tags = new TreeSet<>(record.get().tags());
        NavigableSet<String> digests = new TreeSet<>(record.get().digests());
        tag.ifPresent(tags::add);
        repoDigest.ifPresent(digests::add);
        if (!tags.equals(record.get().tags()) || !digests.equals(record.get().digests())) {
            records.put(
                    record.get().withNames(tags, digests, now()),
                    records.config(id).orElseThrow());
            if (tag.isPresent()) {
                records.takeTag(tag.get(), id, now());
            }
            snapshot = makeSnapshot();
        }
        return snapshot.byId(id);
    }

    /** Removes an image with all its names; its layers stay while leases hold them. */
    public synchronized void remove(Image image) throws IOException {
        Optional<ImageRecord> record = records.get(image.id());
        if (record.isEmpty() || record.get().removed()) {
            return;
        }
        if (leases.containsKey(image.id()) || !collecting) {
            records.put(
                    record.get().asRemoved(now()), records.config(image.id()).orElseThrow());
        } else {
            records.delete(record.get());
        }
        snapshot = makeSnapshot();
        collect();
    }

    /** Takes a lease on the image with this id, also on one that has been removed but is still held or not yet collected. */
    public synchronized ImageLease hold(String id) throws ImageException {
        Image image = held.get(id);
        if (image == null) {
            image = records.get(id)
                    .map(this::image)
                    .orElseThrow(() -> new ImageException(ImageException.Kind.NOT_FOUND, "there is no image " + id));
        }
        held.putIfAbsent(id, image);
        leases.merge(id, 1, Integer::sum);
        return new Lease(image);
    }

    private final class Lease implements ImageLease {
        private final Image image;
        private final AtomicBoolean closed = new AtomicBoolean();

        Lease(Image image) {
            this.image = image;
        }

        @Override
        public Image image() {
            return image;
        }

        @Override
        public void close() {
            if (closed.compareAndSet(false, true)) {
                release(image.id());
            }
        }
    }

    private synchronized void release(String id) {
        if (leases.merge(id, -1, Integer::sum) == 0) {
            leases.remove(id);
            held.remove(id);
            collect();
        }
    }

    /** Deletes what nothing needs, now and whenever something is let go from now on. */
    public synchronized void collectUnused() {
        collecting = true;
        collect();
    }

    private void collect() {
        if (!collecting) {
            return;
        }
        try {
            for (ImageRecord record : records.all()) {
                if (record.removed() && !leases.containsKey(record.id())) {
                    records.delete(record);
                }
            }
            Set<Digest> needed = new HashSet<>();
            for (ImageRecord record : records.all()) {
                needed.addAll(record.diffIds());
                needed.addAll(record.manifests());
                needed.addAll(record.blobs());
                needed.add(record.config());
            }
            reservations.forEach(reservation -> needed.addAll(reservation.digests));
            blobs.retain(needed);
            List<Path> unused = layers.retain(needed);
            if (!unused.isEmpty()) {
                background.execute(() -> delete(unused));
            }
        } catch (IOException e) {
            // Whoever let go has done its part; what is left is found again at the next collection or start.
            LOG.warn("unused layers could not be collected: {}", e.toString());
        }
    }

    private void delete(List<Path> unused) {
        for (Path path : unused) {
            try {
                layers.deleteTmp(path);
            } catch (IOException e) {
                LOG.warn("{} could not be deleted and waits for the next start: {}", path, e.toString());
            }
        }
    }

    /** A document of an image. */
    public byte[] document(Digest digest) throws ImageException {
        try {
            return blobs.read(digest);
        } catch (IOException e) {
            throw storeFailure("read " + digest, e);
        }
    }

    /** The documents that led to an image here before: whether this is one of them. */
    public Optional<Image> byManifest(Digest manifest) {
        List<String> ids = new ArrayList<>();
        synchronized (this) {
            for (ImageRecord record : records.all()) {
                if (!record.removed() && record.manifests().contains(manifest)) {
                    ids.add(record.id());
                }
            }
        }
        return ids.stream().findFirst().flatMap(id -> snapshot.byId(id));
    }

    /** What all of it takes on disk. */
    public FilesystemUsage usage() {
        Instant now = Instant.now();
        var unpacked = layers.total();
        return new FilesystemUsage(
                now.getEpochSecond() * 1_000_000_000L + now.getNano(),
                paths.root(),
                unpacked.bytes() + blobs.bytes(),
                unpacked.inodes() + blobs.count());
    }

    private ImageSnapshot makeSnapshot() {
        return new ImageSnapshot(records.all().stream()
                .filter(record -> !record.removed())
                .map(this::image)
                .toList());
    }

    private Image image(ImageRecord record) {
        ImageConfigFile config = records.config(record.id()).orElseThrow();
        Set<Path> topFirst = new LinkedHashSet<>();
        // Overlayfs refuses a folder that occurs twice; its lower occurrence is hidden by the upper one anyway.
        for (Digest diffId : record.diffIds().reversed()) {
            topFirst.add(layers.tree(diffId));
        }
        return decorate.apply(new Image(
                record.id(),
                List.copyOf(record.tags()),
                List.copyOf(record.digests()),
                record.size(),
                config,
                List.copyOf(topFirst),
                ConfigDocument.chainId(record.diffIds()),
                record.pinned()));
    }

    private static long now() {
        Instant now = Instant.now();
        return now.getEpochSecond() * 1_000_000_000L + now.getNano();
    }

    /** The exception for a failure of this machine's disk. */
    public static ImageException storeFailure(String tried, IOException cause) {
        // java.nio tells the reason only by strerror's text.
        boolean full = String.valueOf(cause.getMessage()).contains("No space left on device");
        return new ImageException(
                full ? ImageException.Kind.NO_SPACE : ImageException.Kind.INTERNAL,
                "tried to " + tried + ": " + cause,
                cause);
    }

    /** Waits until all is on the disk and deletions have ended. */
    @Override
    public void close() {
        background.close();
    }
}
