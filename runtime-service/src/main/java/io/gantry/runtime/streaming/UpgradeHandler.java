package io.gantry.runtime.streaming;

import static java.util.Objects.requireNonNull;

import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.codec.http.websocketx.WebSocketFrameDecoder;
import io.netty.handler.codec.http.websocketx.WebSocketHandshakeException;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshaker13;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshakerFactory;
import io.netty.handler.codec.http.websocketx.WebSocketVersion;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one HTTP request of a connection: finds what its address stands for and turns the connection into SPDY or a WebSocket. */
@SuppressWarnings("FutureReturnValueIgnored") // a write that fails closes the channel, and that is seen
final class UpgradeHandler extends SimpleChannelInboundHandler<FullHttpRequest> {
    private static final Logger LOG = LoggerFactory.getLogger(UpgradeHandler.class);
    private static final String SPDY = "SPDY/3.1";
    private static final String STREAM_PROTOCOL = "X-Stream-Protocol-Version";
    private static final String ACCEPTED_PROTOCOLS = "X-Accepted-Stream-Protocol-Versions";
    private static final String PORT_PROTOCOL = "portforward.k8s.io";
    private static final List<String> PROCESS_PROTOCOLS =
            List.of("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io");
    /** Is not looked at: frames are taken in pieces. */
    private static final int MAX_WEBSOCKET_FRAME = Integer.MAX_VALUE;

    private final Tokens tokens;
    private final Newcomers newcomers;
    private final Limits limits;
    private final InputBudget budget;

    UpgradeHandler(Tokens tokens, Newcomers newcomers, Limits limits, InputBudget budget) {
        this.tokens = tokens;
        this.newcomers = newcomers;
        this.limits = limits;
        this.budget = budget;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
        if (!request.decoderResult().isSuccess()) {
            refuse(context, HttpResponseStatus.BAD_REQUEST, "not an HTTP request");
            return;
        }
        String[] parts = new QueryStringDecoder(request.uri()).path().split("/", -1);
        boolean known =
                request.method().equals(HttpMethod.GET) || request.method().equals(HttpMethod.POST);
        Target target = known && parts.length == 3 && parts[0].isEmpty() ? tokens.take(parts[1], parts[2]) : null;
        if (target == null) {
            refuse(context, HttpResponseStatus.NOT_FOUND, "404 page not found");
        } else if (request.headers().containsValue(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET, true)) {
            toWebSocket(context, request, target);
        } else {
            toSpdy(context, request, target);
        }
    }

    private void toSpdy(ChannelHandlerContext context, FullHttpRequest request, Target target) {
        List<String> offered = values(request, STREAM_PROTOCOL);
        if (offered.isEmpty()) {
            refuse(context, HttpResponseStatus.BAD_REQUEST, "unable to upgrade: " + STREAM_PROTOCOL + " is required");
            return;
        }
        List<String> known = switch (target) {
            case Target.Streams _ -> PROCESS_PROTOCOLS;
            case Target.Ports _ -> List.of(PORT_PROTOCOL);
        };
        String protocol = offered.stream().filter(known::contains).findFirst().orElse("");
        if (protocol.isEmpty()) {
            FullHttpResponse response = text(
                    HttpResponseStatus.FORBIDDEN,
                    "unable to upgrade: unable to negotiate protocol: client supports " + offered + ", server accepts "
                            + known);
            response.headers().add(ACCEPTED_PROTOCOLS, known);
            context.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
            return;
        }
        if (!request.headers().containsValue(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE, true)
                || !request.headers().containsValue(HttpHeaderNames.UPGRADE, SPDY, true)) {
            refuse(
                    context,
                    HttpResponseStatus.BAD_REQUEST,
                    "unable to upgrade: missing upgrade headers in request: Connection: Upgrade, Upgrade: " + SPDY);
            return;
        }
        FullHttpResponse response =
                new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.SWITCHING_PROTOCOLS);
        response.headers()
                .set(HttpHeaderNames.CONNECTION, "Upgrade")
                .set(HttpHeaderNames.UPGRADE, SPDY)
                .set(STREAM_PROTOCOL, protocol);
        ChannelPipeline pipeline = context.pipeline();
        context.writeAndFlush(response);
        newcomers.remove(pipeline.channel());
        addSpdy(pipeline, target, protocol);
        pipeline.remove(HttpObjectAggregator.class);
        pipeline.remove(this);
        // Last, since it hands on what it has read already.
        pipeline.remove(HttpServerCodec.class);
    }

    private void addSpdy(ChannelPipeline pipeline, Target target, String protocol) {
        ClientConnection connection = new ClientConnection(pipeline.channel(), limits, budget);
        SpdyConnection.User user = switch (target) {
            case Target.Streams process -> new SpdyProcess(process, version(protocol), connection);
            case Target.Ports ports -> new PortForwards(ports.source(), connection);
        };
        pipeline.addLast(new ReadGate(), new SpdyCodec(), new SpdyConnection(connection, user));
    }

    private static int version(String protocol) {
        return protocol.startsWith("v") ? protocol.charAt(1) - '0' : 1;
    }

    private void toWebSocket(ChannelHandlerContext context, FullHttpRequest request, Target target) {
        List<String> offered = values(request, HttpHeaderNames.SEC_WEBSOCKET_PROTOCOL);
        boolean tunnel = target instanceof Target.Ports && offered.contains(WebSocketTunnel.PROTOCOL);
        WebSocketProtocol protocol = WebSocketProtocol.choose(offered);
        if (!tunnel && protocol == null) {
            refuse(context, HttpResponseStatus.BAD_REQUEST, "no known subprotocol among " + offered);
            return;
        }
        switch (target) {
            case Target.Streams process -> {
                ClientConnection connection = new ClientConnection(context.channel(), limits, budget);
                WebSocketProcess user = new WebSocketProcess(process, requireNonNull(protocol), connection);
                handshake(context, request, protocol.name(), user.channels(), user::opened);
            }
            case Target.Ports ports -> {
                if (tunnel) {
                    handshake(context, request, WebSocketTunnel.PROTOCOL, new WebSocketTunnel(), () -> {});
                    if (context.channel().isActive()) {
                        addSpdy(context.pipeline(), ports, PORT_PROTOCOL);
                    }
                } else if (ports.ports().isEmpty() || ports.ports().size() > WebSocketPorts.MAX_PORTS) {
                    refuse(
                            context,
                            HttpResponseStatus.BAD_REQUEST,
                            "this protocol wants 1 to " + WebSocketPorts.MAX_PORTS + " ports in the call, not "
                                    + ports.ports().size());
                } else {
                    ClientConnection connection = new ClientConnection(context.channel(), limits, budget);
                    WebSocketPorts user = new WebSocketPorts(ports, requireNonNull(protocol), connection);
                    handshake(context, request, protocol.name(), user.channels(), user::opened);
                }
            }
        }
    }

    /** Netty's, but for what it puts in place to read frames. */
    private static final class Handshake extends WebSocketServerHandshaker13 {
        Handshake(String protocol) {
            super("", protocol.isEmpty() ? null : protocol, false, MAX_WEBSOCKET_FRAME);
        }

        @Override
        protected WebSocketFrameDecoder newWebsocketDecoder() {
            return new WebSocketPieces();
        }
    }

    private void handshake(
            ChannelHandlerContext context,
            FullHttpRequest request,
            String protocol,
            ChannelHandler handler,
            Runnable done) {
        if (!request.headers()
                .contains(HttpHeaderNames.SEC_WEBSOCKET_VERSION, WebSocketVersion.V13.toHttpHeaderValue(), true)) {
            WebSocketServerHandshakerFactory.sendUnsupportedVersionResponse(context.channel())
                    .addListener(ChannelFutureListener.CLOSE);
            return;
        }
        ChannelPipeline pipeline = context.pipeline();
        try {
            new Handshake(protocol).handshake(context.channel(), request).addListener(shaken -> {
                if (shaken.isSuccess()) {
                    done.run();
                }
            });
        } catch (WebSocketHandshakeException e) {
            refuse(context, HttpResponseStatus.BAD_REQUEST, String.valueOf(e.getMessage()));
            return;
        }
        newcomers.remove(pipeline.channel());
        pipeline.remove(this);
        pipeline.addLast(handler);
    }

    /** Of a header that may come several times, each with a list. */
    private static List<String> values(FullHttpRequest request, CharSequence name) {
        List<String> values = new ArrayList<>();
        for (String line : request.headers().getAll(name)) {
            for (String value : line.split(",", -1)) {
                if (!value.isBlank()) {
                    values.add(value.trim());
                }
            }
        }
        return values;
    }

    private static FullHttpResponse text(HttpResponseStatus status, String message) {
        FullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status);
        response.content().writeCharSequence(message + "\n", StandardCharsets.UTF_8);
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, "text/plain; charset=utf-8")
                .setInt(HttpHeaderNames.CONTENT_LENGTH, response.content().readableBytes())
                .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        return response;
    }

    private static void refuse(ChannelHandlerContext context, HttpResponseStatus status, String message) {
        context.writeAndFlush(text(status, message)).addListener(ChannelFutureListener.CLOSE);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        LOG.debug("closing a connection before its upgrade: {}", cause.toString());
        context.close();
    }
}
