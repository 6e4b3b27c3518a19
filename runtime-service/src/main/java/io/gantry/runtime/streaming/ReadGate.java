package io.gantry.runtime.streaming;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;

/**
 * Lets nobody read while reading is paused. In front of SpdyFrameCodec: it hands its frames on in a way that its parent, ByteToMessageDecoder,
 * does not see, so that this asks for more after each read, pause or not, and a client's data would fill the heap.
 */
final class ReadGate extends ChannelOutboundHandlerAdapter {
    @Override
    public void read(ChannelHandlerContext context) {
        if (context.channel().config().isAutoRead()) {
            context.read();
        }
    }
}
