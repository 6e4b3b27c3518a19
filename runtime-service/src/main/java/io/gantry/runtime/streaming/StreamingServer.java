package io.gantry.runtime.streaming;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Serves Exec, Attach and PortForward. A call of the CRI gets an address that is good for one use within a minute; the kubelet, or crictl,
 * connects there. One event loop moves the frames of all connections; whatever blocks has a virtual thread.
 */
public final class StreamingServer implements AutoCloseable {
    private static final int MAX_REQUEST_LINE = 4 << 10;
    private static final int MAX_REQUEST_HEADERS = 16 << 10;

    /** Nobody sends one. */
    private static final int MAX_REQUEST_BODY = 4 << 10;

    /** Of each connection's output in the daemon's memory; the kernel's buffers are what keeps a client busy. */
    private static final WriteBufferWaterMark UNDER_WAY = new WriteBufferWaterMark(32 << 10, 64 << 10);

    private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory("gantry-streaming", true), EpollIoHandler.newFactory());

    /** One arena with chunks of 1 MiB: by default there would be several, each of 4 MiB, and the daemon has 32 MiB in all. */
    private final PooledByteBufAllocator buffers = new PooledByteBufAllocator(true, 1, 1, 8192, 7, 64, 16, false);

    private final Tokens tokens = new Tokens(System::nanoTime);
    private final InputBudget budget;
    private final @Nullable ServerTls tls;
    private final Channel listener;
    private final String base;

    private StreamingServer(StreamingConfig config, Limits limits, @Nullable ServerTls tls) throws IOException {
        this.tls = tls;
        this.budget = new InputBudget(config.spill());
        try {
            this.listener = listen(config, limits);
        } catch (IOException e) {
            loop.shutdownGracefully(0, 0, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
            throw e;
        }
        String host = config.address().contains(":") ? "[" + config.address() + "]" : config.address();
        this.base = (tls == null ? "http://" : "https://") + host + ":" + port() + "/";
    }

    /**
     * Binds and serves.
     *
     * @throws IOException if the address is taken or none of the machine's, or the certificate cannot be used
     */
    public static StreamingServer start(StreamingConfig config) throws IOException {
        return start(config, Limits.USUAL);
    }

    static StreamingServer start(StreamingConfig config, Limits limits) throws IOException {
        return new StreamingServer(config, limits, tls(config));
    }

    private static @Nullable ServerTls tls(StreamingConfig config) throws IOException {
        TlsSource source = switch (config.tls()) {
            case StreamingConfig.Given(Path certificate, Path key) -> new GivenCertificate(certificate, key);
            case StreamingConfig.Generated(Path folder) ->
                new GeneratedCertificate(folder, config.address(), InstantSource.system());
            case null -> null;
        };
        try {
            return source == null ? null : new ServerTls(source, ServerTls.LOOK);
        } catch (IOException e) {
            throw new IOException("streaming: " + e.getMessage(), e);
        }
    }

    private Channel listen(StreamingConfig config, Limits limits) throws IOException {
        Newcomers newcomers = new Newcomers(limits);
        ChannelFuture bound = new ServerBootstrap()
                .group(loop)
                .channel(EpollServerSocketChannel.class)
                .option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true)
                // A client that left while nothing was read from it is not noticed otherwise: its FIN waits behind its
                // data.
                .childOption(ChannelOption.SO_KEEPALIVE, true)
                .childOption(EpollChannelOption.TCP_KEEPIDLE, 60)
                .childOption(EpollChannelOption.TCP_KEEPINTVL, 15)
                .childOption(EpollChannelOption.TCP_KEEPCNT, 4)
                .childOption(ChannelOption.ALLOCATOR, buffers)
                .childOption(ChannelOption.WRITE_BUFFER_WATER_MARK, UNDER_WAY)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        newcomers.add(channel);
                        if (tls != null) {
                            channel.pipeline().addLast(tls.context().newHandler(channel.alloc()));
                        }
                        channel.pipeline()
                                .addLast(
                                        new HttpServerCodec(MAX_REQUEST_LINE, MAX_REQUEST_HEADERS, MAX_REQUEST_BODY),
                                        new HttpObjectAggregator(MAX_REQUEST_BODY, true),
                                        new UpgradeHandler(tokens, newcomers, limits, budget));
                    }
                })
                .bind(new InetSocketAddress(config.address(), config.port()))
                .awaitUninterruptibly();
        Throwable cause = bound.cause();
        if (cause != null) {
            throw new IOException(
                    "streaming: cannot listen on " + config.address() + " port " + config.port() + ": " + cause, cause);
        }
        return bound.channel();
    }

    /** The port it listens on. */
    public int port() {
        return ((InetSocketAddress) listener.localAddress()).getPort();
    }

    /** An address for a process of the client's own; null if too many addresses wait to be used. */
    public @Nullable String exec(ProcessStreams streams, ProcessSource source) {
        return url(new Target.Streams(true, streams, source));
    }

    /** An address for a running process's streams; null if too many addresses wait to be used. */
    public @Nullable String attach(ProcessStreams streams, ProcessSource source) {
        return url(new Target.Streams(false, streams, source));
    }

    /**
     * An address for a pod's ports.
     *
     * @param ports those that the client named, each 1 to 65535; most clients name none here
     * @return null if too many addresses wait to be used
     */
    public @Nullable String portForward(List<Integer> ports, PortSource source) {
        return url(new Target.Ports(source, List.copyOf(ports)));
    }

    private @Nullable String url(Target target) {
        String token = tokens.add(target);
        return token == null ? null : base + target.path() + "/" + token;
    }

    /** What all connections hold of input that nobody took yet, in bytes. */
    long heldInput() {
        return budget.held();
    }

    /** What waits on disk, in bytes. */
    long inputOnDisk() {
        return budget.onDisk();
    }

    /** Takes no more connections and breaks off those there are. */
    @Override
    public void close() {
        listener.close().awaitUninterruptibly();
        loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    }
}
