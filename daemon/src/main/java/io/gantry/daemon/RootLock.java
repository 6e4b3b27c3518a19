package io.gantry.daemon;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Keeps two daemons off the same state. The kernel lets go of it however the daemon ends. */
final class RootLock implements AutoCloseable {
    private final FileChannel channel;

    private RootLock(FileChannel channel) {
        this.channel = channel;
    }

    static RootLock take(Path root) throws IOException, ConfigException {
        Files.createDirectories(root);
        FileChannel channel =
                FileChannel.open(root.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock();
        if (lock == null) {
            channel.close();
            throw new ConfigException("another gantry uses " + root + ": stop it first, or choose another root");
        }
        return new RootLock(channel);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
