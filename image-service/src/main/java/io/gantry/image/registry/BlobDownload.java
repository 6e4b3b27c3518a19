package io.gantry.image.registry;

import io.gantry.image.ImageException;
import io.gantry.image.ImageReference;
import io.gantry.image.manifest.Descriptor;
import io.gantry.image.registry.HttpTransport.Response;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A blob as one stream, however often the connection breaks: it goes on where it broke, if need be at another host. The end of the stream is reached only
 * if length and digest are those of the descriptor; else a read fails with {@link CorruptBlobException}.
 */
final class BlobDownload extends InputStream {
    private static final Logger LOG = LoggerFactory.getLogger(BlobDownload.class);
    private static final int MAX_FAILURES = 5;

    private final EndpointCaller caller;
    private final List<RegistryHost> hosts;
    private final ImageReference reference;
    private final Descriptor blob;
    private final MessageDigest digest;
    private int host;
    private long position;
    private int failures;
    private @Nullable Response response;
    private boolean verified;

    /** Opens at the first host that has it; the others are for later. */
    BlobDownload(EndpointCaller caller, List<RegistryHost> hosts, ImageReference reference, Descriptor blob)
            throws ImageException, InterruptedException {
        this.caller = caller;
        this.hosts = hosts;
        this.reference = reference;
        this.blob = blob;
        this.digest = blob.digest().algorithm().start();
        if (blob.size() > 0) {
            this.response = open();
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int from, int count) throws IOException {
        if (count == 0) {
            return 0;
        }
        while (position < blob.size()) {
            try {
                Response open = response;
                if (open == null) {
                    open = open();
                    response = open;
                }
                int got = open.body().read(into, from, (int) Math.min(count, blob.size() - position));
                if (got > 0) {
                    digest.update(into, from, got);
                    position += got;
                    failures = 0;
                    return got;
                }
                throw new IOException("the body ended at byte " + position + " of " + blob.size());
            } catch (InterruptedIOException e) {
                if (Thread.currentThread().isInterrupted()) {
                    throw e;
                }
                broken(e);
            } catch (IOException e) {
                broken(e);
            } catch (ImageException e) {
                throw new RegistryIoException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("a download was interrupted");
            }
        }
        verify();
        return -1;
    }

    private void verify() throws IOException {
        if (verified) {
            return;
        }
        Response open = response;
        if (open != null && open.body().read() >= 0) {
            throw new CorruptBlobException("blob " + blob.digest() + " is longer than its " + blob.size() + " bytes");
        }
        var actual = blob.digest().algorithm().finish(digest);
        if (!actual.equals(blob.digest())) {
            throw new CorruptBlobException(
                    hosts.get(host) + " served content of digest " + actual + " for blob " + blob.digest());
        }
        verified = true;
    }

    private void broken(IOException failure) throws IOException {
        close();
        response = null;
        failures++;
        if (failures > MAX_FAILURES) {
            throw failure;
        }
        LOG.info("blob {} broke at byte {}, going on: {}", blob.digest(), position, EndpointCaller.reason(failure));
        if (failures > 1) {
            host = (host + 1) % hosts.size();
            try {
                Thread.sleep(Duration.ofMillis(100L << failures));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("a download was interrupted");
            }
        }
    }

    /** Asks for what is missing, beginning at the present host. */
    private Response open() throws ImageException, InterruptedException {
        ImageException last = null;
        for (int tried = 0; tried < hosts.size(); tried++) {
            RegistryHost asked = hosts.get(host);
            try {
                return openAt(asked);
            } catch (ImageException e) {
                if (last != null) {
                    e.addSuppressed(last);
                }
                last = e;
                host = (host + 1) % hosts.size();
            }
        }
        if (last == null) {
            throw new IllegalStateException("no hosts to ask for " + blob.digest());
        }
        throw last;
    }

    private Response openAt(RegistryHost asked) throws ImageException, InterruptedException {
        Map<String, String> headers = position == 0 ? Map.of() : Map.of("Range", "bytes=" + position + "-");
        Response open = caller.call(RegistryClient.call(
                asked, "GET", reference, "/blobs/" + blob.digest(), headers, "blob " + blob.digest()));
        try {
            if (position > 0) {
                align(open);
            }
            return open;
        } catch (IOException e) {
            open.close();
            throw new ImageException(
                    ImageException.Kind.REGISTRY_UNAVAILABLE,
                    "tried to go on with blob " + blob.digest() + " at " + asked + ": " + e.getMessage(),
                    e);
        }
    }

    /** A server may send another range than asked for, or all of it: what is here already is read over. */
    private void align(Response open) throws IOException {
        long start = 0;
        if (open.status() == 206) {
            String range = open.header("Content-Range");
            if (!range.matches("bytes \\d{1,18}-\\d{1,18}/(\\d+|\\*)")) {
                throw new IOException("it answered with the range \"" + range + "\"");
            }
            start = Long.parseLong(range.substring(6, range.indexOf('-')));
        }
        if (start > position) {
            throw new IOException("it answered with byte " + start + " and later");
        }
        open.body().skipNBytes(position - start);
    }

    @Override
    public void close() {
        Response open = response;
        if (open != null) {
            open.close();
        }
    }
}
