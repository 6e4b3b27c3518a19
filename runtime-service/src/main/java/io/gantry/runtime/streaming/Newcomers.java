package io.gantry.runtime.streaming;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Connections that have not shown an address yet, so that anybody may have made them: each has a while to do so, however it fills it, and
 * of too many the oldest goes. Used on the event loop only.
 */
@SuppressWarnings("FutureReturnValueIgnored") // closing is all that is wanted of it
final class Newcomers {
    /** Far more than honest clients make at once; and all their requests together are a few megabytes. */
    static final int MAX = 512;

    private final Limits limits;

    /** The oldest first, each with its deadline. */
    private final Map<Channel, ScheduledFuture<?>> waiting = new LinkedHashMap<>();

    Newcomers(Limits limits) {
        this.limits = limits;
    }

    void add(Channel channel) {
        if (waiting.size() >= MAX) {
            Channel oldest = waiting.keySet().iterator().next();
            remove(oldest);
            oldest.close();
        }
        waiting.put(
                channel,
                channel.eventLoop()
                        .schedule(() -> channel.close(), limits.creation().toNanos(), TimeUnit.NANOSECONDS));
        ChannelFutureListener gone = _ -> remove(channel);
        channel.closeFuture().addListener(gone);
    }

    /** It has shown what it is here for, or has gone. */
    void remove(Channel channel) {
        ScheduledFuture<?> deadline = waiting.remove(channel);
        if (deadline != null) {
            deadline.cancel(false);
        }
    }
}
