package io.gantry.daemon;

import io.grpc.BindableService;
import io.grpc.Server;
import io.grpc.netty.NettyServerBuilder;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** gRPC on a Unix socket, by Netty's epoll transport; a virtual thread a call, so that every handler may block. */
final class CriServer {
    /** As containerd: the kubelet's own receive limit is 16 MiB. */
    private static final int MAX_MESSAGE = 16 << 20;

    private static final int DRAIN_SECONDS = 10;

    /**
     * Outside of the heap: gRPC's own takes large answers into it, and keeps their room for ever. In chunks of 1 MiB (a page of 8 KiB, 2^7 times), which
     * are gRPC's largest buffers, so that what an answer needed is given back.
     */
    private static final ByteBufAllocator BUFFERS = new PooledByteBufAllocator(true, 0, 1, 8192, 7, 256, 64, false);

    private final SocketFile socket;
    private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    private final ExecutorService calls = Executors.newVirtualThreadPerTaskExecutor();
    private final Server server;

    private CriServer(SocketFile socket, DaemonConfig config, List<BindableService> services) {
        this.socket = socket;
        NettyServerBuilder builder = NettyServerBuilder.forAddress(
                        new DomainSocketAddress(config.socket().toFile()))
                .channelType(EpollServerDomainSocketChannel.class)
                // gRPC sets it for TCP; a Unix socket does not know it and would log a warning for each connection.
                .withChildOption(ChannelOption.SO_KEEPALIVE, null)
                .withChildOption(ChannelOption.ALLOCATOR, BUFFERS)
                .bossEventLoopGroup(loop)
                .workerEventLoopGroup(loop)
                .executor(calls)
                .maxInboundMessageSize(MAX_MESSAGE)
                .intercept(new CallLog());
        services.forEach(builder::addService);
        this.server = builder.build();
    }

    /** Claims the socket and serves on it. */
    static CriServer start(DaemonConfig config, List<BindableService> services) throws IOException, ConfigException {
        SocketFile socket = new SocketFile(config.socket());
        socket.claim();
        CriServer server = new CriServer(socket, config, services);
        server.server.start();
        socket.open(config.socketGroup());
        return server;
    }

    /** Takes no more calls, lets those under way finish for ten seconds, then ends. */
    void drain() throws InterruptedException, IOException {
        server.shutdown();
        if (!server.awaitTermination(DRAIN_SECONDS, TimeUnit.SECONDS)) {
            server.shutdownNow();
        }
        calls.shutdownNow();
        loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).await(2, TimeUnit.SECONDS);
        socket.remove();
    }
}
