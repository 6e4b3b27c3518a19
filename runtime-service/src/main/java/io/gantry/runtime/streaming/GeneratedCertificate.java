package io.gantry.runtime.streaming;

import io.gantry.linux.LinuxException;
import io.gantry.linux.Spawn;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A certificate of the server's own, by an authority of its own, both made by the JDK's keytool. The authority lasts, so that clients that
 * were told to trust {@code ca.crt} go on when the certificate is renewed.
 */
final class GeneratedCertificate implements TlsSource {
    private static final String STORE = "streaming.p12";
    private static final String AUTHORITY_FILE = "ca.crt";
    private static final String AUTHORITY = "ca";
    private static final String SERVER = "server";

    /** Keeps nothing secret: that the file's mode does. keytool insists on one. */
    private static final char[] PASSWORD = "gantry".toCharArray();

    private static final int AUTHORITY_DAYS = 3650;
    private static final int SERVER_DAYS = 365;

    /** Renewed when it has less left than that. */
    private static final Duration REST = Duration.ofDays(30);

    private static final Duration KEYTOOL = Duration.ofMinutes(1);

    private final Path folder;
    private final String address;
    private final InstantSource clock;
    private @Nullable X509Certificate shown;

    /**
     * @param folder made if missing; the key in it is for root alone
     * @param address that the certificate is for, besides the loopback ones and the machine's name
     */
    GeneratedCertificate(Path folder, String address, InstantSource clock) {
        this.folder = folder;
        this.address = address;
        this.clock = clock;
    }

    @Override
    public @Nullable SslContext next() throws IOException {
        X509Certificate last = shown;
        if (last != null && lasts(last)) {
            return null;
        }
        try {
            return use(storeWithServer());
        } catch (GeneralSecurityException e) {
            throw new IOException("cannot use the certificate in " + folder + ": " + e, e);
        } catch (LinuxException e) {
            throw new IOException("cannot run keytool: " + e.getMessage(), e);
        }
    }

    private SslContext use(KeyStore store) throws IOException, GeneralSecurityException {
        X509Certificate certificate = certificate(store, SERVER);
        X509Certificate authority = certificate(store, AUTHORITY);
        if (certificate == null || authority == null || !(store.getKey(SERVER, PASSWORD) instanceof PrivateKey key)) {
            throw new IOException(folder.resolve(STORE) + " has no certificate with a key");
        }
        writeAuthority(authority);
        shown = certificate;
        return SslContextBuilder.forServer(key, certificate, authority).build();
    }

    /** The store on disk, or a new one in its place with what is missing in it, too old or for other addresses. */
    private KeyStore storeWithServer() throws IOException, GeneralSecurityException, LinuxException {
        Files.createDirectories(
                folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        Path file = folder.resolve(STORE);
        KeyStore store = KeyStore.getInstance("PKCS12");
        if (Files.exists(file)) {
            try (InputStream in = Files.newInputStream(file)) {
                store.load(in, PASSWORD);
            } catch (IOException e) {
                throw new IOException("cannot read " + file + " (without it a new one is made): " + e, e);
            }
        } else {
            store.load(null, PASSWORD);
        }
        X509Certificate server = certificate(store, SERVER);
        if (server != null && lasts(server) && isFor(server, address)) {
            return store;
        }
        X509Certificate authority = certificate(store, AUTHORITY);
        boolean keepAuthority = authority != null
                && expires(authority) > Duration.ofDays(SERVER_DAYS).toSeconds();
        store.deleteEntry(SERVER);
        if (!keepAuthority) {
            store.deleteEntry(AUTHORITY);
        }
        Path fresh = folder.resolve(STORE + ".new");
        Files.deleteIfExists(fresh);
        Files.createFile(fresh, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        try (OutputStream out = Files.newOutputStream(fresh)) {
            store.store(out, PASSWORD);
        }
        if (!keepAuthority) {
            keytool(
                    fresh,
                    AUTHORITY,
                    AUTHORITY_DAYS,
                    List.of(
                            "-dname", "CN=gantry streaming authority",
                            "-ext", "bc:critical=ca:true,pathlen:0",
                            "-ext", "ku:critical=keyCertSign"));
        }
        keytool(
                fresh,
                SERVER,
                SERVER_DAYS,
                List.of(
                        "-signer", AUTHORITY,
                        "-dname", "CN=gantry streaming",
                        "-ext", "ku:critical=digitalSignature",
                        "-ext", "eku=serverAuth",
                        "-ext", "san=" + String.join(",", names())));
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        try (InputStream in = Files.newInputStream(file)) {
            store.load(in, PASSWORD);
        }
        return store;
    }

    private static @Nullable X509Certificate certificate(KeyStore store, String alias) throws GeneralSecurityException {
        Certificate found = store.getCertificate(alias);
        return found instanceof X509Certificate certificate ? certificate : null;
    }

    private long expires(X509Certificate certificate) {
        return certificate.getNotAfter().toInstant().getEpochSecond()
                - clock.instant().getEpochSecond();
    }

    private boolean lasts(X509Certificate certificate) {
        return expires(certificate) > REST.toSeconds();
    }

    private static boolean isFor(X509Certificate certificate, String address) throws GeneralSecurityException {
        Collection<List<?>> names = certificate.getSubjectAlternativeNames();
        return names != null && names.stream().anyMatch(name -> same(String.valueOf(name.get(1)), address));
    }

    private static boolean same(String name, String address) {
        if (!address.contains(":")) {
            return name.equalsIgnoreCase(address);
        }
        try {
            // An IPv6 address has many forms; both are numbers, so nothing is looked up.
            return name.contains(":") && InetAddress.ofLiteral(name).equals(InetAddress.ofLiteral(address));
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private List<String> names() {
        List<String> names = new ArrayList<>(List.of("ip:127.0.0.1", "ip:::1", "dns:localhost"));
        boolean number = address.contains(":") || address.matches("[0-9.]+");
        String own = (number ? "ip:" : "dns:") + address;
        if (!names.contains(own)) {
            names.add(own);
        }
        return names;
    }

    private static void keytool(Path store, String alias, int days, List<String> rest)
            throws IOException, LinuxException {
        Path tool = Path.of(System.getProperty("java.home"), "bin", "keytool");
        if (!Files.isExecutable(tool)) {
            throw new IOException(
                    "this Java has no " + tool + " to make a certificate with; give one by streaming.tls_cert");
        }
        // It tells its errors on stdout.
        List<String> command = new ArrayList<>(List.of(
                "/bin/sh",
                "-c",
                "exec \"$0\" \"$@\" >&2",
                tool.toString(),
                "-J-Xmx64m",
                "-J-XX:+UseSerialGC",
                "-J-XX:TieredStopAtLevel=1",
                "-genkeypair",
                "-alias",
                alias,
                "-keyalg",
                "EC",
                "-groupname",
                "secp256r1",
                "-startdate",
                "-1H",
                "-validity",
                String.valueOf(days),
                "-storetype",
                "PKCS12",
                "-keystore",
                store.toString(),
                "-storepass",
                new String(PASSWORD)));
        command.addAll(rest);
        Spawn.Result result = Spawn.run(command, List.of("PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"), KEYTOOL);
        if (result.code() != 0) {
            throw new IOException("keytool cannot make the " + alias + " certificate in " + store + ": "
                    + (result.timedOut() ? "it does not end" : result.stderr().strip()));
        }
    }

    private void writeAuthority(X509Certificate authority) throws IOException, GeneralSecurityException {
        String pem = "-----BEGIN CERTIFICATE-----\n"
                + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(authority.getEncoded())
                + "\n-----END CERTIFICATE-----\n";
        Path file = folder.resolve(AUTHORITY_FILE);
        if (Files.exists(file) && Files.readString(file).equals(pem)) {
            return;
        }
        Path fresh = folder.resolve(AUTHORITY_FILE + ".new");
        Files.write(fresh, pem.getBytes(StandardCharsets.US_ASCII));
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    }
}
