package io.gantry.runtime;

import io.gantry.cri.v1.LinuxContainerSecurityContext;
import io.gantry.cri.v1.SupplementalGroupsPolicy;
import io.gantry.image.Image;
import io.gantry.sandbox.ContainerUser;
import io.gantry.sandbox.RootfsReader;
import io.gantry.sandbox.SandboxException;
import io.gantry.sandbox.UserFiles;
import io.gantry.sandbox.Users;
import java.util.LinkedHashMap;
import java.util.Map;

/** Who containers run as. The user database of an image never changes, so the last few are kept. */
final class ImageUsers {
    private static final int KEPT = 64;
    /** A database that is larger is read anew each time. */
    private static final int MAX_KEPT_LENGTH = 64 << 10;

    private final Map<String, UserFiles> known = new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, UserFiles> eldest) {
            return size() > KEPT;
        }
    };

    ContainerUser resolve(Image image, LinuxContainerSecurityContext security) throws SandboxException {
        return Users.resolve(
                new Users.Request(
                        image.config().user(),
                        security.hasRunAsUser() ? security.getRunAsUser().getValue() : null,
                        security.getRunAsUsername(),
                        security.hasRunAsGroup() ? security.getRunAsGroup().getValue() : null,
                        security.getSupplementalGroupsList(),
                        security.getSupplementalGroupsPolicy() == SupplementalGroupsPolicy.Strict),
                files(image));
    }

    private UserFiles files(Image image) throws SandboxException {
        synchronized (known) {
            UserFiles kept = known.get(image.id());
            if (kept != null) {
                return kept;
            }
        }
        UserFiles read = RootfsReader.userFiles(image.layerPathsTopFirst());
        if (read.passwd().length() + read.group().length() <= MAX_KEPT_LENGTH) {
            synchronized (known) {
                known.put(image.id(), read);
            }
        }
        return read;
    }
}
