package io.gantry.image.registry;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the private key in a PEM file: PKCS#8, or the older forms that OpenSSL writes for RSA (PKCS#1) and EC (SEC 1). */
public final class PemPrivateKey {
    private static final Pattern BLOCK =
            Pattern.compile("-----BEGIN ((?:RSA |EC )?)PRIVATE KEY-----([^-]+)-----END", Pattern.DOTALL);
    /** AlgorithmIdentifier of rsaEncryption, with NULL parameters. */
    private static final byte[] RSA = HexFormat.of().parseHex("300d06092a864886f70d0101010500");
    /** OBJECT IDENTIFIER of id-ecPublicKey; the curve follows. */
    private static final byte[] EC = HexFormat.of().parseHex("06072a8648ce3d0201");

    private PemPrivateKey() {}

    /**
     * The first private key of a file.
     *
     * @throws GeneralSecurityException if there is none, it is encrypted, or of a kind that Java does not know
     */
    public static PrivateKey read(Path file) throws IOException, GeneralSecurityException {
        Matcher block = BLOCK.matcher(Files.readString(file, StandardCharsets.US_ASCII));
        if (!block.find()) {
            throw new InvalidKeySpecException(file + " holds no private key that is not encrypted");
        }
        byte[] der;
        try {
            der = Base64.getMimeDecoder().decode(block.group(2));
        } catch (IllegalArgumentException e) {
            throw new InvalidKeySpecException(file + " holds a damaged private key");
        }
        byte[] pkcs8 = switch (block.group(1)) {
            case "RSA " -> wrap(RSA, der);
            case "EC " -> wrap(der(0x30, EC, curve(file, der)), der);
            default -> der;
        };
        for (String algorithm : new String[] {"RSA", "EC", "EdDSA"}) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(pkcs8));
            } catch (InvalidKeySpecException e) {
                // The key is of another algorithm; told below if it is of none.
            }
        }
        throw new InvalidKeySpecException(file + " holds a private key of an unknown kind");
    }

    private static byte[] wrap(byte[] algorithm, byte[] key) {
        return der(0x30, new byte[] {2, 1, 0}, algorithm, der(0x04, key));
    }

    /** The curve's OBJECT IDENTIFIER out of the optional field [0] of an ECPrivateKey (RFC 5915). */
    private static byte[] curve(Path file, byte[] key) throws InvalidKeySpecException {
        for (int i = 0; i + 3 < key.length; i++) {
            boolean field = (key[i] & 0xff) == 0xa0 && key[i + 2] == 6 && key[i + 1] == key[i + 3] + 2;
            if (field && i + 2 + key[i + 1] <= key.length) {
                return Arrays.copyOfRange(key, i + 2, i + 2 + key[i + 1]);
            }
        }
        throw new InvalidKeySpecException(file + " holds an EC key that does not name its curve");
    }

    private static byte[] der(int tag, byte[]... parts) {
        int length = 0;
        for (byte[] part : parts) {
            length += part.length;
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(tag);
        if (length < 0x80) {
            out.write(length);
        } else {
            // Keys are below 64 KiB.
            out.write(0x82);
            out.write(length >> 8);
            out.write(length);
        }
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }
}
