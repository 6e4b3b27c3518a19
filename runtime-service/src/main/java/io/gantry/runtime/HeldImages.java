package io.gantry.runtime;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.Mount;
import io.gantry.image.Image;
import io.gantry.image.ImageException;
import io.gantry.image.ImageLease;
import io.gantry.image.Images;
import io.gantry.runtime.state.ContainerRecord;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The images that containers need, their own and those that they mount: they stay in place as long as the container is there. */
final class HeldImages {
    private static final Logger LOG = LoggerFactory.getLogger(HeldImages.class);

    private final Images images;
    private final ConcurrentHashMap<String, List<ImageLease>> held = new ConcurrentHashMap<>();

    HeldImages(Images images) {
        this.images = images;
    }

    /**
     * The images of one container, held until closed.
     *
     * @param own what it runs
     * @param mounted the images of its image volumes, by what the request calls them
     */
    record Of(Image own, Map<String, Image> mounted, List<ImageLease> leases) implements AutoCloseable {
        Map<String, String> mountedIds() {
            Map<String, String> ids = new LinkedHashMap<>();
            mounted.forEach((name, image) -> ids.put(name, image.id()));
            return ids;
        }

        @Override
        public void close() {
            leases.forEach(ImageLease::close);
        }
    }

    /** Finds and holds what a container asks for. */
    Of hold(ContainerConfig config) throws CriException, ImageException {
        String what = "container " + config.getMetadata().getName();
        String wanted = config.getImage().getImage();
        if (wanted.isEmpty()) {
            throw CriException.invalid(what + ": no image is given");
        }
        Image own = images.find(wanted)
                .orElseThrow(() -> CriException.notFound(what + ": image " + wanted + " is not here; pull it first"));
        Map<String, Image> mounted = new LinkedHashMap<>();
        for (Mount mount : config.getMountsList()) {
            if (RequestedMounts.isImage(mount)) {
                mounted.put(RequestedMounts.imageName(mount), mounted(what, mount));
            }
        }
        List<ImageLease> leases = new ArrayList<>();
        Of all = new Of(own, Collections.unmodifiableMap(mounted), leases);
        try {
            leases.add(images.hold(own.id()));
            for (Image image : mounted.values()) {
                leases.add(images.hold(image.id()));
            }
        } catch (ImageException e) {
            all.close();
            throw e;
        }
        return all;
    }

    private Image mounted(String what, Mount mount) throws CriException, ImageException {
        String name = RequestedMounts.imageName(mount);
        Optional<Image> found = images.find(name);
        return found.orElseThrow(() -> CriException.notFound(RequestedMounts.IMAGE_FAILED + what + ": mount at "
                + mount.getContainerPath() + ": image " + name + " is not here; pull it first"));
    }

    /** Keeps what a container holds until {@link #release}. */
    void keep(String containerId, Of images) {
        held.put(containerId, images.leases());
    }

    /** Holds again what a container that an earlier daemon made needs. */
    void adopt(Container container) {
        ContainerRecord record = container.record();
        List<String> ids = new ArrayList<>(List.of(record.getImageId()));
        ids.addAll(record.getMountedImagesMap().values());
        List<ImageLease> leases = new ArrayList<>();
        for (String id : ids) {
            try {
                leases.add(images.hold(id));
            } catch (ImageException e) {
                LOG.warn("container {}: its image {} is lost: {}", container.id(), id, e.getMessage());
            }
        }
        held.put(container.id(), leases);
    }

    /** Lets go of what a removed container held. */
    void release(String containerId) {
        List<ImageLease> leases = held.remove(containerId);
        if (leases != null) {
            leases.forEach(ImageLease::close);
        }
    }
}
