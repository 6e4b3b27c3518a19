package io.gantry.conformance;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/** One stream of a session with the streaming server, in whichever protocol: what is not read here is not read from the connection. */
final class StreamChannel {
    /** Sends a piece of a stream; the last one may be empty. */
    interface Output {
        void send(byte[] data, boolean last) throws IOException;

        void reset() throws IOException;
    }

    private static final int PIECES = 64;

    private final Output output;
    private final BlockingQueue<Optional<byte[]>> pieces = new ArrayBlockingQueue<>(PIECES);
    private volatile boolean broken;
    private boolean ended;

    StreamChannel(Output output) {
        this.output = output;
    }

    /** From the connection's reader. */
    void received(byte[] data) throws InterruptedException {
        pieces.put(Optional.of(data));
    }

    /** From the connection's reader: no more comes. */
    void ended(boolean byReset) throws InterruptedException {
        broken |= byReset;
        pieces.put(Optional.empty());
    }

    void write(byte[] data) throws IOException {
        output.send(data, false);
    }

    void write(String text) throws IOException {
        write(text.getBytes(StandardCharsets.UTF_8));
    }

    void end() throws IOException {
        output.send(new byte[0], true);
    }

    void reset() throws IOException {
        output.reset();
    }

    /** Empty at the end. Waits a minute at most. */
    Optional<byte[]> next() {
        if (ended) {
            return Optional.empty();
        }
        try {
            Optional<byte[]> piece = pieces.poll(60, TimeUnit.SECONDS);
            if (piece == null) {
                throw new AssertionError("nothing has come for a minute");
            }
            ended = piece.isEmpty();
            return piece;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while reading", e);
        }
    }

    /** Everything to the end. */
    String text() {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (Optional<byte[]> piece = next(); piece.isPresent(); piece = next()) {
            all.writeBytes(piece.get());
        }
        return all.toString(StandardCharsets.UTF_8);
    }

    /** Reads until a text has come, and answers with all up to it and the rest of its piece. */
    String until(String wanted) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        while (true) {
            Optional<byte[]> piece = next();
            if (piece.isEmpty()) {
                throw new AssertionError("'" + wanted + "' has not come but " + all.toString(StandardCharsets.UTF_8));
            }
            all.writeBytes(piece.get());
            if (all.toString(StandardCharsets.UTF_8).contains(wanted)) {
                return all.toString(StandardCharsets.UTF_8);
            }
        }
    }

    /** The SHA-256 of everything to the end, and its length. */
    String digest() {
        MessageDigest digest = sha256();
        long length = 0;
        for (Optional<byte[]> piece = next(); piece.isPresent(); piece = next()) {
            digest.update(piece.get());
            length += piece.get().length;
        }
        return HexFormat.of().formatHex(digest.digest()) + " " + length;
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Whether it was broken off and not ended in order. */
    boolean isBroken() {
        return broken;
    }
}
