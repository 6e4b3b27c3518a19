package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.SELinuxOption;

/** The label that a pod or container is to have. Containers run under the daemon's own; so where labels matter, another one is not promised. */
final class SelinuxOptions {
    private SelinuxOptions() {}

    /**
     * Where SELinux is off the options have no effect, as with the other runtimes: manifests that run on any node carry them.
     *
     * @param enabled whether SELinux is on
     * @throws CriException UNIMPLEMENTED for any option where it is
     */
    static void check(String what, SELinuxOption options, boolean enabled) throws CriException {
        if (enabled && !options.equals(SELinuxOption.getDefaultInstance())) {
            throw new CriException(
                    CriException.Kind.UNIMPLEMENTED,
                    what + ": selinux_options (user \"" + options.getUser() + "\", role \"" + options.getRole()
                            + "\", type \"" + options.getType() + "\", level \"" + options.getLevel()
                            + "\"): SELinux is enabled on this node, and gantry gives containers no labels yet");
        }
    }
}
