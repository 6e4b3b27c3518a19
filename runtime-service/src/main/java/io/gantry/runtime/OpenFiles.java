package io.gantry.runtime;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * How many files processes have open.
 *
 * @param sockets those of them that are sockets
 */
record OpenFiles(long descriptors, long sockets) {

    /** Of all the processes together; one that ends meanwhile counts as far as it was seen. */
    static OpenFiles of(List<Long> processes) {
        long descriptors = 0;
        long sockets = 0;
        for (long pid : processes) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
                for (Path file : files) {
                    descriptors++;
                    if (Files.readSymbolicLink(file).toString().startsWith("socket:")) {
                        sockets++;
                    }
                }
            } catch (IOException | DirectoryIteratorException e) {
                // It has ended, or just closed the file: what was counted of it stays.
            }
        }
        return new OpenFiles(descriptors, sockets);
    }
}
