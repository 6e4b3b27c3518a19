package io.gantry.runtime;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A message in a file that is replaced as a whole.
 *
 * <p>Nothing here calls fsync: what is lost with the power is the state of processes that the same power cut ended. A file left
 * empty by it fails to parse and quarantines its pod, see {@link Recovery}.
 */
final class RecordFile {
    private static final AtomicLong SERIAL = new AtomicLong();

    private RecordFile() {}

    /** Replaces {@code file}. A message without a byte is an IllegalArgumentException: {@link #read} takes it for a lost one. */
    static void write(Path file, MessageLite message) throws IOException {
        if (message.getSerializedSize() == 0) {
            throw new IllegalArgumentException("a record for " + file + " that says nothing");
        }
        Path temporary = file.resolveSibling(file.getFileName() + "." + SERIAL.incrementAndGet() + ".tmp");
        try {
            Files.write(temporary, message.toByteArray());
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    static <T> T read(Path file, Parser<T> parser) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        if (bytes.length == 0) {
            throw new IOException("record " + file + " is empty");
        }
        try {
            return parser.parseFrom(bytes);
        } catch (InvalidProtocolBufferException e) {
            throw new IOException("record " + file + " cannot be read: " + e.getMessage(), e);
        }
    }
}
