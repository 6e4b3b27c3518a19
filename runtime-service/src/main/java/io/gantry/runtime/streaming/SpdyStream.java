package io.gantry.runtime.streaming;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.spdy.DefaultSpdyDataFrame;
import io.netty.handler.codec.spdy.DefaultSpdyRstStreamFrame;
import io.netty.handler.codec.spdy.SpdyHeaders;
import io.netty.handler.codec.spdy.SpdyStreamStatus;

/** A stream that a client opened on a SPDY connection. */
final class SpdyStream implements PortStream {
    private final SpdyConnection owner;
    private final ClientConnection connection;
    private final int id;
    private final String type;
    private final String port;
    private final String requestId;
    private volatile StreamInput input = StreamInput.NONE;
    private boolean localEnded;
    private boolean remoteEnded;

    SpdyStream(SpdyConnection owner, ClientConnection connection, int id, SpdyHeaders headers) {
        this.owner = owner;
        this.connection = connection;
        this.id = id;
        this.type = header(headers, "streamtype");
        this.port = header(headers, "port");
        this.requestId = header(headers, "requestid");
    }

    private static String header(SpdyHeaders headers, String name) {
        String value = headers.getAsString(name);
        return value == null ? "" : value;
    }

    int id() {
        return id;
    }

    /** {@code error}, {@code stdin} ... {@code data}; empty if it was not told. */
    String type() {
        return type;
    }

    String port() {
        return port;
    }

    /** Which streams of a port-forward belong together; empty from old clients. */
    String requestId() {
        return requestId;
    }

    @Override
    public void deliverTo(StreamInput next) {
        input = next;
    }

    StreamInput input() {
        return input;
    }

    /** Nothing is sent on a stream that has ended. */
    @Override
    public boolean write(byte[] data) {
        synchronized (this) {
            if (localEnded) {
                return true;
            }
        }
        return data.length == 0 || connection.write(new DefaultSpdyDataFrame(id, Unpooled.wrappedBuffer(data)));
    }

    @Override
    public void end() {
        synchronized (this) {
            if (localEnded) {
                return;
            }
            localEnded = true;
        }
        connection.send(new DefaultSpdyDataFrame(id).setLast(true));
        forgetIfEnded();
    }

    @Override
    public void cancel() {
        reset(SpdyStreamStatus.CANCEL);
    }

    /** Gives the stream up in both directions; what is not sent yet is still sent before it. */
    void reset(SpdyStreamStatus status) {
        synchronized (this) {
            if (localEnded && remoteEnded) {
                return;
            }
            localEnded = true;
            remoteEnded = true;
        }
        connection.send(new DefaultSpdyRstStreamFrame(id, status));
        forgetIfEnded();
    }

    /** The client's FIN. */
    void remoteEnded() {
        synchronized (this) {
            remoteEnded = true;
        }
        input.end();
        forgetIfEnded();
    }

    /** The client's RST_STREAM. */
    void remoteReset() {
        synchronized (this) {
            localEnded = true;
            remoteEnded = true;
        }
        input.reset();
        forgetIfEnded();
    }

    private void forgetIfEnded() {
        synchronized (this) {
            if (!localEnded || !remoteEnded) {
                return;
            }
        }
        owner.forget(this);
    }
}
