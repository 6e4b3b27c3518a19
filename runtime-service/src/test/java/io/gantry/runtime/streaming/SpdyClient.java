package io.gantry.runtime.streaming;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.zip.Deflater;

/** SPDY/3.1 written by hand, as moby/spdystream speaks it: no flow control, SYN_STREAMs one by one. */
final class SpdyClient implements AutoCloseable {
    static final int SYN_REPLY = 2;
    static final int RST_STREAM = 3;
    static final int PING = 6;
    private static final int CONTROL = 0x80030000;

    /** A frame: {@code type} 0 for data. */
    @SuppressWarnings("ArrayRecordComponent")
    record Received(int type, int stream, boolean last, byte[] payload) {
        String text() {
            return new String(payload, StandardCharsets.UTF_8);
        }
    }

    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;
    private final Deflater headers = new Deflater();

    /** The answer to the upgrade, its status line and headers. */
    final String answer;

    SpdyClient(String url, String method, String... protocols) throws IOException {
        this(connect(url), url, method, protocols);
    }

    private static Socket connect(String url) throws IOException {
        URI uri = URI.create(url);
        return new Socket(uri.getHost(), uri.getPort());
    }

    /** @param connected to where the address points, encrypted or not */
    SpdyClient(Socket connected, String url, String method, String... protocols) throws IOException {
        URI uri = URI.create(url);
        socket = connected;
        socket.setSoTimeout(30_000);
        in = new DataInputStream(socket.getInputStream());
        out = new DataOutputStream(socket.getOutputStream());
        StringBuilder request =
                new StringBuilder(method + " " + uri.getPath() + " HTTP/1.1\r\nHost: " + uri.getHost() + "\r\n");
        request.append("Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n");
        for (String protocol : protocols) {
            request.append("X-Stream-Protocol-Version: ").append(protocol).append("\r\n");
        }
        out.write(request.append("\r\n").toString().getBytes(StandardCharsets.US_ASCII));
        StringBuilder read = new StringBuilder();
        while (read.indexOf("\r\n\r\n") < 0) {
            int next = in.read();
            if (next < 0) {
                break;
            }
            read.append((char) next);
        }
        answer = read.toString();
        headers.setDictionary(SpdyDictionary.BYTES);
    }

    /** Opens a stream with pairs of header names and values. */
    void open(int id, String... pairs) throws IOException {
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        DataOutputStream plain = new DataOutputStream(block);
        plain.writeInt(pairs.length / 2);
        for (String text : pairs) {
            plain.writeInt(text.length());
            plain.write(text.getBytes(StandardCharsets.US_ASCII));
        }
        headers.setInput(block.toByteArray());
        byte[] packed = new byte[block.size() + 256];
        int length = headers.deflate(packed, 0, packed.length, Deflater.SYNC_FLUSH);
        out.writeInt(CONTROL | 1);
        out.writeInt(10 + length);
        out.writeInt(id);
        out.writeInt(0);
        out.writeShort(0);
        out.write(packed, 0, length);
        out.flush();
    }

    /** Any bytes. */
    void raw(byte[] bytes) throws IOException {
        out.write(bytes);
        out.flush();
    }

    /** A control frame of any kind. */
    void control(int type, byte[] payload) throws IOException {
        out.writeInt(CONTROL | type);
        out.writeInt(payload.length);
        out.write(payload);
        out.flush();
    }

    void data(int id, byte[] bytes, boolean last) throws IOException {
        out.writeInt(id);
        out.writeInt((last ? 1 << 24 : 0) | bytes.length);
        out.write(bytes);
        out.flush();
    }

    void reset(int id) throws IOException {
        out.writeInt(CONTROL | RST_STREAM);
        out.writeInt(8);
        out.writeInt(id);
        out.writeInt(5);
        out.flush();
    }

    void ping(int id) throws IOException {
        out.writeInt(CONTROL | PING);
        out.writeInt(4);
        out.writeInt(id);
        out.flush();
    }

    /** The next frame of any kind. */
    Received receive() throws IOException {
        int first = in.readInt();
        int flagsAndLength = in.readInt();
        byte[] payload = in.readNBytes(flagsAndLength & 0xffffff);
        boolean last = (flagsAndLength >>> 24 & 1) == 1;
        if (first >= 0) {
            return new Received(0, first, last, payload);
        }
        int id = (payload[0] & 0xff) << 24 | (payload[1] & 0xff) << 16 | (payload[2] & 0xff) << 8 | (payload[3] & 0xff);
        return new Received(first & 0xffff, id, last, payload);
    }

    /** All data of a stream up to its end; what other streams bring is dropped. */
    String readAll(int id) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        while (true) {
            Received frame = receive();
            if (frame.type() == 0 && frame.stream() == id) {
                all.writeBytes(frame.payload());
                if (frame.last()) {
                    return all.toString(StandardCharsets.UTF_8);
                }
            }
        }
    }

    /** Whether the server ends the connection; waits until it does or is silent for half a minute. */
    boolean ends() throws IOException {
        try {
            while (true) {
                receive();
            }
        } catch (EOFException | SocketException e) {
            return true;
        } catch (SocketTimeoutException e) {
            return false;
        }
    }

    /** Breaks off: the server gets a reset, whatever it has not read yet. */
    void abort() throws IOException {
        socket.setSoLinger(true, 0);
        close();
    }

    @Override
    public void close() throws IOException {
        headers.end();
        socket.close();
    }
}
