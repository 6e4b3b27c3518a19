package io.gantry.conformance;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.Deflater;

/** SPDY/3.1 by hand, as much of it as Kubernetes' clients speak: streams of their own making, no flow control. */
final class SpdyConnection implements AutoCloseable {
    private static final int CONTROL = 0x80030000;
    private static final int SYN_STREAM = 1;
    private static final int RST_STREAM = 3;
    private static final int LAST = 1 << 24;
    private static final int MAX_PIECE = 32 << 10;

    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;
    private final Deflater deflater = new Deflater();
    private final Map<Integer, StreamChannel> streams = new ConcurrentHashMap<>();
    private int nextId = 1;

    SpdyConnection(String url, String protocol) throws IOException {
        URI uri = URI.create(url);
        socket = new Socket(uri.getHost(), uri.getPort());
        in = new DataInputStream(new java.io.BufferedInputStream(socket.getInputStream(), 64 << 10));
        out = new DataOutputStream(socket.getOutputStream());
        String request = "POST " + uri.getPath() + " HTTP/1.1\r\nHost: " + uri.getAuthority()
                + "\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: " + protocol + "\r\n\r\n";
        out.write(request.getBytes(StandardCharsets.US_ASCII));
        StringBuilder answer = new StringBuilder();
        while (answer.indexOf("\r\n\r\n") < 0) {
            int next = in.read();
            if (next < 0) {
                break;
            }
            answer.append((char) next);
        }
        if (!answer.toString().startsWith("HTTP/1.1 101 ")) {
            throw new IOException("no upgrade but " + answer);
        }
        Thread.ofVirtual().name("spdy-reader").start(this::read);
    }

    /** @param headers names and values in turn */
    synchronized StreamChannel open(String... headers) throws IOException {
        int id = nextId;
        nextId += 2;
        StreamChannel stream = new StreamChannel(new StreamChannel.Output() {
            @Override
            public void send(byte[] data, boolean last) throws IOException {
                data(id, data, last);
            }

            @Override
            public void reset() throws IOException {
                control(RST_STREAM, id, new byte[] {0, 0, 0, 5});
            }
        });
        streams.put(id, stream);
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        DataOutputStream plain = new DataOutputStream(block);
        plain.writeInt(headers.length / 2);
        for (String text : headers) {
            plain.writeInt(text.length());
            plain.writeBytes(text);
        }
        deflater.setInput(block.toByteArray());
        byte[] rest = new byte[6 + block.size() + 64];
        int length = 6 + deflater.deflate(rest, 6, rest.length - 6, Deflater.SYNC_FLUSH);
        control(SYN_STREAM, id, java.util.Arrays.copyOf(rest, length));
        return stream;
    }

    private synchronized void control(int type, int id, byte[] rest) throws IOException {
        ByteArrayOutputStream frame = new ByteArrayOutputStream();
        DataOutputStream bytes = new DataOutputStream(frame);
        bytes.writeInt(CONTROL | type);
        bytes.writeInt(4 + rest.length);
        bytes.writeInt(id);
        bytes.write(rest);
        out.write(frame.toByteArray());
    }

    private void data(int id, byte[] data, boolean last) throws IOException {
        int at = 0;
        do {
            int count = Math.min(MAX_PIECE, data.length - at);
            synchronized (this) {
                out.writeInt(id);
                out.writeInt((last && at + count == data.length ? LAST : 0) | count);
                out.write(data, at, count);
            }
            at += count;
        } while (at < data.length);
    }

    private void read() {
        try {
            while (true) {
                int first = in.readInt();
                int flagsAndLength = in.readInt();
                byte[] payload = in.readNBytes(flagsAndLength & 0xffffff);
                if (first >= 0) {
                    StreamChannel stream = streams.get(first);
                    if (stream != null && payload.length > 0) {
                        stream.received(payload);
                    }
                    if (stream != null && (flagsAndLength & LAST) != 0) {
                        streams.remove(first);
                        stream.ended(false);
                    }
                } else if ((first & 0xffff) == RST_STREAM) {
                    StreamChannel stream =
                            streams.remove(new DataInputStream(new java.io.ByteArrayInputStream(payload)).readInt());
                    if (stream != null) {
                        stream.ended(true);
                    }
                }
            }
        } catch (IOException e) {
            streams.values().forEach(stream -> {
                try {
                    stream.ended(true);
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                }
            });
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Breaks off: the server gets a reset, whatever it has not read yet. */
    void abort() {
        try {
            socket.setSoLinger(true, 0);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        close();
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
