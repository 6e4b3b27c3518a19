package io.gantry.cni;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gantry.cni.AttachmentCache.Entry;
import io.gantry.cni.CniException.Kind;
import io.gantry.cni.PluginCall.Verb;
import io.gantry.linux.Netns;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Attaches pods to the default network by CNI 0.3.0 to 1.1.0. Calls for different attachments run at the same time; the caller sees to it
 * that there is one call at a time for the same attachment. Blocks for as long as the plugins run.
 */
public final class Cni {
    private static final Duration STATUS_KEPT = Duration.ofSeconds(5);

    private final CniConfig config;
    private final NetworkLists networks;
    private final Plugins plugins;
    private final AttachmentCache cache;
    /** The specification forbids ADD and DEL of a network during its GC. */
    private final ReadWriteLock gcLock = new ReentrantReadWriteLock();

    private volatile @Nullable Asked lastAsked;

    /** What the plugins of a network last said to STATUS. */
    private record Asked(
            NetworkList network, long atNanos, @Nullable CniException failure) {}

    /** With plugins from the configured folders alone. */
    public Cni(CniConfig config) {
        this(config, Map.of());
    }

    /**
     * With implementations of our own for some plugin types.
     *
     * @param builtIn plugins by type, preferred to a binary of that name
     */
    public Cni(CniConfig config, Map<String, Plugin> builtIn) {
        this.config = config;
        this.networks = new NetworkLists(config.confDirs());
        this.plugins = new Plugins(builtIn, config.binDirs());
        this.cache = new AttachmentCache(config.cacheDir());
    }

    /** Where networks and plugins are looked for. */
    public CniConfig config() {
        return config;
    }

    /**
     * Whether a pod could be attached now. Looks at the folders anew; plugins of a network of version 1.1 are asked by STATUS, their answer
     * is kept for five seconds.
     */
    public CniStatus status() {
        NetworkLists.Snapshot snapshot = networks.current();
        NetworkList network = snapshot.defaultNetwork();
        if (network == null) {
            return new CniStatus(false, CniStatus.NOT_READY, networks.missing(snapshot), null, snapshot.errors());
        }
        String reason = "";
        String message = "";
        try {
            requirePlugins(network);
        } catch (CniException e) {
            reason = CniStatus.NOT_READY;
            message = "network " + network.name() + ": " + e.getMessage();
        }
        if (message.isEmpty() && network.atLeast("1.1.0")) {
            CniException failure = askedStatus(network);
            if (failure != null) {
                reason = CniStatus.NOT_READY;
                message = String.valueOf(failure.getMessage());
            }
        }
        return new CniStatus(message.isEmpty(), reason, message, network.name(), snapshot.errors());
    }

    private @Nullable CniException askedStatus(NetworkList network) {
        Asked asked = lastAsked;
        if (asked == null
                || !asked.network().equals(network)
                || System.nanoTime() - asked.atNanos() > STATUS_KEPT.toNanos()) {
            CniException failure = null;
            try {
                for (ObjectNode plugin : network.plugins()) {
                    run(Verb.STATUS, network, plugin, null, null, null);
                }
            } catch (CniException e) {
                failure = e;
            }
            asked = new Asked(network, System.nanoTime(), failure);
            lastAsked = asked;
        }
        return asked.failure();
    }

    /**
     * Attaches to the default network. On failure all its plugins have been told to undo what they did; only if that failed too does a
     * record remain, which {@link #del} and {@link #gc} work off.
     *
     * @throws CniException NOT_FOUND if there is no network or a plugin is missing (nothing was run then); else as the plugin failed
     */
    public CniResult add(Attachment attachment) throws CniException {
        if (attachment.netns() == null) {
            throw new IllegalArgumentException("ADD needs a network namespace");
        }
        gcLock.readLock().lock();
        try {
            NetworkList network = networks.defaultNetwork();
            requirePlugins(network);
            Entry entry = new Entry(
                    network,
                    attachment.containerId(),
                    attachment.ifName(),
                    attachment.netns(),
                    attachment.args(),
                    CapabilityJson.of(attachment.capabilityArgs()),
                    null);
            cache.put(entry);
            return add(entry);
        } finally {
            gcLock.readLock().unlock();
        }
    }

    private CniResult add(Entry entry) throws CniException {
        ObjectNode result = null;
        try {
            for (ObjectNode plugin : entry.network().plugins()) {
                JsonNode answer = run(Verb.ADD, entry.network(), plugin, entry, entry.netns(), result);
                if (answer == null) {
                    throw new CniException(
                            Kind.INTERNAL, "plugin " + Json.text(plugin, "type") + " ADD gave no result");
                }
                result = ResultJson.inVersionOf(entry.network(), answer);
            }
            if (result == null) {
                throw new IllegalStateException("a network has at least one plugin");
            }
            CniResult read = ResultJson.read(result);
            cache.put(entry.withResult(result));
            return read;
        } catch (CniException e) {
            undo(result == null ? entry : entry.withResult(result), e);
            throw e;
        }
    }

    /** Runs DEL after a failed ADD, also for a caller that was interrupted: what is left behind is left for good. */
    private void undo(Entry entry, CniException failure) {
        boolean interrupted = Thread.interrupted();
        try {
            del(entry, entry.netns());
        } catch (CniException e) {
            failure.addSuppressed(e);
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * Checks that an attachment still is as ADD left it. Without effect where the network disables it or is older than 0.4.0.
     *
     * @throws CniException NOT_FOUND if nothing is known of the attachment; else as the plugin failed
     */
    public void check(Attachment attachment) throws CniException {
        gcLock.readLock().lock();
        try {
            Entry entry = cache.find(attachment.containerId(), attachment.ifName());
            if (entry == null || entry.result() == null) {
                throw new CniException(
                        Kind.NOT_FOUND,
                        "no attachment of " + attachment.containerId() + " by " + attachment.ifName() + " is recorded");
            }
            if (entry.network().disableCheck() || !entry.network().atLeast("0.4.0")) {
                return;
            }
            for (ObjectNode plugin : entry.network().plugins()) {
                run(Verb.CHECK, entry.network(), plugin, entry, attachment.netns(), entry.result());
            }
        } finally {
            gcLock.readLock().unlock();
        }
    }

    /**
     * Detaches, with the network and the arguments of the time when the attachment was made; with today's where no record of that is left.
     * May be called again and again, also when the namespace is gone or the attachment never was. Every plugin is called whatever the
     * others did.
     *
     * @throws CniException the first plugin's failure, with those of the others suppressed; the record then stays for the next call
     */
    public void del(Attachment attachment) throws CniException {
        gcLock.readLock().lock();
        try {
            Entry entry = cache.find(attachment.containerId(), attachment.ifName());
            if (entry == null) {
                NetworkList network = networks.current().defaultNetwork();
                if (network == null) {
                    return;
                }
                entry = new Entry(
                        network,
                        attachment.containerId(),
                        attachment.ifName(),
                        attachment.netns(),
                        attachment.args(),
                        CapabilityJson.of(attachment.capabilityArgs()),
                        null);
            }
            del(entry, attachment.netns());
        } finally {
            gcLock.readLock().unlock();
        }
    }

    private void del(Entry entry, @Nullable Path netns) throws CniException {
        // Plugins fail on the plain file that an unmounted namespace leaves behind, but know what to do without one.
        Path usable = netns != null && Netns.exists(netns) ? netns : null;
        ObjectNode prevResult = entry.network().atLeast("0.4.0") ? entry.result() : null;
        CniException first = null;
        for (ObjectNode plugin : entry.network().plugins().reversed()) {
            try {
                run(Verb.DEL, entry.network(), plugin, entry, usable, prevResult);
            } catch (CniException e) {
                first = joined(first, e);
            }
        }
        if (first != null) {
            throw first;
        }
        cache.remove(entry);
    }

    /**
     * The containers that have an attachment on record, whole or begun.
     *
     * @throws CniException INTERNAL if the records cannot be listed
     */
    public Set<String> attached() throws CniException {
        return cache.all().stream().map(Entry::containerId).collect(Collectors.toUnmodifiableSet());
    }

    /**
     * Detaches what is recorded of containers that are gone, and tells the plugins of the default network (from version 1.1.0) which
     * attachments there are. No ADD or DEL runs meanwhile; what was attached since the caller looked is on record, and so is kept.
     *
     * @param gone ids of containers, of those that {@link #attached} told
     * @throws CniException the first failure, with the others suppressed
     */
    public void gc(Set<String> gone) throws CniException {
        gcLock.writeLock().lock();
        try {
            CniException first = null;
            List<Entry> kept = new ArrayList<>();
            for (Entry entry : cache.all()) {
                if (!gone.contains(entry.containerId())) {
                    kept.add(entry);
                    continue;
                }
                try {
                    del(entry, entry.netns());
                } catch (CniException e) {
                    first = joined(first, e);
                }
            }
            first = collectPlugins(kept, first);
            if (first != null) {
                throw first;
            }
        } finally {
            gcLock.writeLock().unlock();
        }
    }

    private @Nullable CniException collectPlugins(List<Entry> kept, @Nullable CniException soFar) {
        NetworkList network = networks.current().defaultNetwork();
        if (network == null || network.disableGc() || !network.atLeast("1.1.0")) {
            return soFar;
        }
        CniException first = soFar;
        ArrayNode attachments = Json.object().putArray("attachments");
        for (Entry entry : kept) {
            // Plugins count by network: another's attachments are none of theirs.
            if (entry.network().name().equals(network.name())) {
                attachments.addObject().put("containerID", entry.containerId()).put("ifname", entry.ifName());
            }
        }
        for (ObjectNode plugin : network.plugins()) {
            ObjectNode told = plugin.deepCopy();
            told.set("cni.dev/valid-attachments", attachments);
            told.set("cni.dev/attachments", attachments);
            try {
                run(Verb.GC, network, told, null, null, null);
            } catch (CniException e) {
                first = joined(first, e);
            }
        }
        return first;
    }

    private static CniException joined(@Nullable CniException first, CniException next) {
        if (first == null) {
            return next;
        }
        first.addSuppressed(next);
        return first;
    }

    private void requirePlugins(NetworkList network) throws CniException {
        for (ObjectNode plugin : network.plugins()) {
            plugins.find(Json.text(plugin, "type"));
        }
    }

    private @Nullable JsonNode run(
            Verb verb,
            NetworkList network,
            ObjectNode plugin,
            @Nullable Entry entry,
            @Nullable Path netns,
            @Nullable ObjectNode prevResult)
            throws CniException {
        ObjectNode stdin = plugin.deepCopy();
        // "capabilities" stays in, against the specification: libcni leaves it, and plugins that delegate read it.
        stdin.put("name", network.name());
        stdin.put("cniVersion", network.version());
        if (entry != null) {
            CapabilityJson.inject(entry.capabilityArgs(), stdin);
        }
        if (prevResult != null) {
            stdin.set("prevResult", prevResult);
        }
        String type = Json.text(plugin, "type");
        return plugins.find(type)
                .run(new PluginCall(
                        verb,
                        type,
                        entry == null ? null : entry.containerId(),
                        netns,
                        entry == null ? null : entry.ifName(),
                        entry == null ? "" : joinedArgs(entry.args()),
                        stdin,
                        config.pluginTimeout()));
    }

    private static String joinedArgs(Map<String, String> args) {
        return args.entrySet().stream()
                .map(arg -> arg.getKey() + "=" + arg.getValue())
                .collect(Collectors.joining(";"));
    }
}
