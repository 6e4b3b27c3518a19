package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.IDMapping;
import io.gantry.cri.v1.Mount;
import io.gantry.cri.v1.NamespaceMode;
import io.gantry.cri.v1.NamespaceOption;
import io.gantry.cri.v1.UserNamespace;
import io.gantry.sandbox.ContainerUser;
import io.gantry.sandbox.IdMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Who the users and groups of a pod with a user namespace of its own are on the host (KEP-127). */
record UserMapping(IdMap uids, IdMap gids) {
    /** The last id is no id: (uid_t) -1. */
    private static final long IDS = 0xffff_ffffL;

    /**
     * What a pod or container asks for; null for the host's user namespace.
     *
     * @param what begins a refusal
     * @throws CriException INVALID for a mode that is neither POD nor NODE, and for anything but one mapping each that begins with id 0
     */
    static @Nullable UserMapping of(String what, NamespaceOption options) throws CriException {
        if (!options.hasUsernsOptions()) {
            return null;
        }
        UserNamespace wanted = options.getUsernsOptions();
        return switch (wanted.getMode()) {
            case NODE -> {
                if (wanted.getUidsCount() > 0 || wanted.getGidsCount() > 0) {
                    throw CriException.invalid(
                            what + ": userns_options has mappings, but the host's user namespace (mode NODE)");
                }
                yield null;
            }
            case POD ->
                new UserMapping(
                        only(what + ": userns_options.uids", wanted.getUidsList()),
                        only(what + ": userns_options.gids", wanted.getGidsList()));
            case CONTAINER, TARGET, UNRECOGNIZED ->
                throw CriException.invalid(what + ": the user namespace is POD or NODE, not " + wanted.getMode());
        };
    }

    /** That of a pod which has been checked. */
    static @Nullable UserMapping checked(NamespaceOption options) {
        try {
            return of("", options);
        } catch (CriException e) {
            throw new IllegalStateException("a pod that was refused", e);
        }
    }

    private static IdMap only(String what, List<IDMapping> mappings) throws CriException {
        if (mappings.size() != 1) {
            throw CriException.invalid(what + ": exactly one mapping is served, not " + mappings.size());
        }
        IDMapping mapping = mappings.getFirst();
        IdMap map = map(mapping);
        if (map.container() != 0) {
            throw CriException.invalid(
                    what + ": id 0 of the container is not mapped (the mapping begins with " + map.container() + ")");
        }
        if (map.length() == 0 || map.host() + map.length() > IDS) {
            throw CriException.invalid(what + ": " + map.length() + " ids from " + map.host() + " on are no range");
        }
        return map;
    }

    private static IdMap map(IDMapping mapping) {
        return new IdMap(
                Integer.toUnsignedLong(mapping.getContainerId()),
                Integer.toUnsignedLong(mapping.getHostId()),
                Integer.toUnsignedLong(mapping.getLength()));
    }

    /**
     * Whether a mount shows ids by this mapping.
     *
     * @param pod the pod's mapping, null without one
     * @throws CriException INVALID if it wants another one
     */
    static boolean applies(String what, Mount mount, @Nullable UserMapping pod) throws CriException {
        if (mount.getUidMappingsCount() == 0 && mount.getGidMappingsCount() == 0) {
            return false;
        }
        if (pod == null) {
            throw CriException.invalid(what + ": ids are to be mapped, but the pod is in the host's user namespace");
        }
        if (!mount.getUidMappingsList().stream().map(UserMapping::map).toList().equals(List.of(pod.uids))
                || !mount.getGidMappingsList().stream()
                        .map(UserMapping::map)
                        .toList()
                        .equals(List.of(pod.gids))) {
            throw CriException.invalid(what + ": its mappings are not those of the pod's user namespace");
        }
        return true;
    }

    /** @throws CriException INVALID if a container says otherwise than its pod; one that says nothing takes the pod's */
    static void same(String what, NamespaceOption container, @Nullable UserMapping pod) throws CriException {
        if (!container.hasUsernsOptions() && pod != null) {
            return;
        }
        UserMapping own = of(what, container);
        if (own == null ? pod != null : !own.equals(pod)) {
            throw CriException.invalid(what + ": userns_options are not those of its pod (" + describe(own)
                    + " instead of " + describe(pod) + ")");
        }
    }

    private static String describe(@Nullable UserMapping mapping) {
        return mapping == null ? "mode " + NamespaceMode.NODE : mapping.toString();
    }

    /** @throws CriException INVALID if a user or group of a container's process is nobody on the host */
    void covers(String what, ContainerUser user) throws CriException {
        long uid = Integer.toUnsignedLong(user.uid());
        if (!uids.covers(uid)) {
            throw CriException.invalid(what + ": user " + uid + " is not within the " + uids.length()
                    + " ids of the pod's user namespace");
        }
        long gid = Integer.toUnsignedLong(user.gid());
        if (!gids.covers(gid)) {
            throw outside(what, gid);
        }
        for (int group : user.groups()) {
            if (!gids.covers(Integer.toUnsignedLong(group))) {
                throw outside(what, Integer.toUnsignedLong(group));
            }
        }
    }

    private CriException outside(String what, long group) {
        return CriException.invalid(
                what + ": group " + group + " is not within the " + gids.length() + " ids of the pod's user namespace");
    }
}
