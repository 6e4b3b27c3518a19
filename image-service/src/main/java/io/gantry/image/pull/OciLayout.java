package io.gantry.image.pull;

import io.gantry.image.Digest;
import io.gantry.image.ImageException;
import io.gantry.image.manifest.Descriptor;
import io.gantry.image.manifest.ImageManifest;
import io.gantry.image.manifest.ImageSource;
import io.gantry.image.tar.TarEntry;
import io.gantry.image.tar.TarReader;
import io.gantry.image.unpack.Decompression;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Optional;
import java.util.regex.Pattern;

/** An image in a folder (image-spec, Image Layout). Its {@code index.json} is what is wanted. */
final class OciLayout implements ImageSource {
    private static final int MAX_DOCUMENT = 8 * 1024 * 1024;
    private static final Pattern MEMBER =
            Pattern.compile("(?:\\./)?(index\\.json|oci-layout|blobs/(?:sha256/[0-9a-f]{64}|sha512/[0-9a-f]{128}))");

    private final Path folder;

    OciLayout(Path folder) {
        this.folder = folder;
    }

    /** Takes the layout out of an archive of it, compressed or not, into an empty folder; what does not belong to a layout is left out. */
    static void extract(Path archive, Path into) throws IOException {
        for (Digest.Algorithm algorithm : Digest.Algorithm.values()) {
            Files.createDirectories(into.resolve("blobs").resolve(algorithm.prefix()));
        }
        try (InputStream file = Files.newInputStream(archive);
                InputStream plain = Decompression.open(file)) {
            TarReader reader = new TarReader(plain);
            for (Optional<TarEntry> next = reader.next(); next.isPresent(); next = reader.next()) {
                TarEntry entry = next.get();
                var member = MEMBER.matcher(entry.path());
                if (entry.type() != TarEntry.Type.FILE || !member.matches()) {
                    continue;
                }
                try (OutputStream out =
                        new BufferedOutputStream(Files.newOutputStream(into.resolve(member.group(1))))) {
                    reader.content(entry.contentSize(), out::write);
                }
            }
        }
    }

    @Override
    public Optional<Digest> resolve() {
        return Optional.empty();
    }

    @Override
    public Document manifest() throws ImageException {
        byte[] content = read(folder.resolve("index.json"));
        return new Document(content, ImageManifest.OCI_INDEX, Digest.sha256(content));
    }

    @Override
    public Document manifest(Digest digest) throws ImageException {
        return new Document(verified(digest), "", digest);
    }

    @Override
    public byte[] config(Descriptor config) throws ImageException {
        return verified(config.digest());
    }

    @Override
    public InputStream blob(Descriptor blob) throws ImageException {
        try {
            return new VerifiedFile(Files.newInputStream(path(blob.digest())), blob.digest());
        } catch (IOException e) {
            throw blobFailure("tried to open blob " + blob.digest(), e);
        }
    }

    @Override
    public ImageException blobFailure(String tried, IOException failure) {
        return new ImageException(
                failure instanceof NoSuchFileException ? ImageException.Kind.NOT_FOUND : ImageException.Kind.CORRUPT,
                tried + " in the layout " + folder + ": " + failure,
                failure);
    }

    private Path path(Digest digest) {
        return folder.resolve("blobs").resolve(digest.algorithm().prefix()).resolve(digest.hex());
    }

    private byte[] verified(Digest digest) throws ImageException {
        byte[] content = read(path(digest));
        try (InputStream in = new VerifiedFile(new ByteArrayInputStream(content), digest)) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw blobFailure("tried to read blob " + digest, e);
        }
    }

    private byte[] read(Path file) throws ImageException {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] content = in.readNBytes(MAX_DOCUMENT + 1);
            if (content.length > MAX_DOCUMENT) {
                throw new IOException("it has more than " + MAX_DOCUMENT + " bytes");
            }
            return content;
        } catch (IOException e) {
            throw blobFailure("tried to read " + file.getFileName(), e);
        }
    }

    @Override
    public String toString() {
        return "OCI layout " + folder;
    }

    /** Ends with an error unless the digest is right. */
    private static final class VerifiedFile extends InputStream {
        private final InputStream in;
        private final Digest digest;
        private final MessageDigest computation;
        private boolean ended;

        VerifiedFile(InputStream in, Digest digest) {
            this.in = in;
            this.digest = digest;
            this.computation = digest.algorithm().start();
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] into, int from, int count) throws IOException {
            int got = in.read(into, from, count);
            if (got > 0) {
                computation.update(into, from, got);
            } else if (got < 0 && !ended) {
                ended = true;
                Digest actual = digest.algorithm().finish(computation);
                if (!actual.equals(digest)) {
                    throw new IOException("the content has the digest " + actual + ", expected " + digest);
                }
            }
            return got;
        }

        @Override
        public void close() throws IOException {
            in.close();
        }
    }
}
