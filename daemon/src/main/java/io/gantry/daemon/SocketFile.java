package io.gantry.daemon;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;

/** The CRI socket's place in the file system. */
final class SocketFile {
    /** sockaddr_un holds 108 bytes, its end included (unix(7)). */
    private static final int MAX_PATH = 107;

    private final Path path;

    SocketFile(Path path) {
        this.path = path;
    }

    /**
     * Makes room: a socket that nobody listens on is removed.
     *
     * @throws ConfigException if somebody does listen, if something else lies there, or if the path is too long
     */
    void claim() throws ConfigException, IOException {
        if (path.toString().length() > MAX_PATH) {
            throw new ConfigException(
                    "socket path " + path + " has " + path.toString().length() + " bytes; the kernel takes " + MAX_PATH
                            + " (unix(7)): choose a shorter one");
        }
        Files.createDirectories(path.toAbsolutePath().getParent());
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        if ((((Integer) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS)) & 0170000) != 0140000) {
            throw new ConfigException("cannot listen on " + path + ": something that is not a socket lies there");
        }
        try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            probe.connect(UnixDomainSocketAddress.of(path));
            throw new ConfigException("cannot listen on " + path + ": another process already serves it");
        } catch (IOException refused) {
            Files.delete(path);
        }
    }

    /** Opens the socket to root and, if it is named, a group: 0660. */
    void open(String group) throws ConfigException, IOException {
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-rw----"));
        if (group.isEmpty()) {
            return;
        }
        try {
            GroupPrincipal principal =
                    path.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByGroupName(group);
            Files.getFileAttributeView(path, PosixFileAttributeView.class).setGroup(principal);
        } catch (IOException e) {
            throw new ConfigException("socket_group " + group + ": there is no such group (" + e.getMessage() + ")");
        }
    }

    void remove() throws IOException {
        Files.deleteIfExists(path);
    }
}
