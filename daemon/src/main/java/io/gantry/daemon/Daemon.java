package io.gantry.daemon;

import io.gantry.cni.Cni;
import io.gantry.cni.CniConfig;
import io.gantry.image.ImageConfig;
import io.gantry.image.ImageException;
import io.gantry.image.Images;
import io.gantry.image.cri.ImageCriService;
import io.gantry.image.service.LocalImages;
import io.gantry.runtime.CriRuntime;
import io.gantry.runtime.RuntimeLayout;
import io.gantry.runtime.Version;
import io.gantry.runtime.streaming.StreamingConfig;
import io.gantry.sandbox.Cgroups;
import io.gantry.sandbox.SandboxException;
import io.gantry.sandbox.Shims;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code gantry serve}, and {@code reset}: everything wired by hand, served until SIGTERM. Pods and containers go on without it. */
final class Daemon {
    private static final CountDownLatch ENDED = new CountDownLatch(1);

    private Daemon() {}

    /** What a daemon does between being ready and being ended. */
    interface Serving {
        void untilEnd() throws IOException, InterruptedException;
    }

    /** Serves until that returns. */
    static void serve(DaemonConfig config, Serving serving) throws ConfigException, IOException, InterruptedException {
        Logging.configure(config.logLevel());
        Logger log = LoggerFactory.getLogger(Daemon.class);
        ServiceNotification notification = new ServiceNotification(System.getenv("NOTIFY_SOCKET"));
        if (!Files.isExecutable(config.shim())) {
            throw new ConfigException("shim: " + config.shim() + " is not an executable file");
        }
        try (RootLock _ = RootLock.take(config.root());
                Images images = images(config)) {
            if (!config.image().embeddedDir().isEmpty()) {
                EmbeddedImages.load(Path.of(config.image().embeddedDir()), images);
            }
            try (CriRuntime runtime = runtime(config, images)) {
                CriServer server = CriServer.start(config, List.of(runtime.service(), new ImageCriService(images)));
                log.info("gantry {} serves on {}", Distribution.version(), config.socket());
                notification.ready("serving on " + config.socket());
                serving.untilEnd();
                log.info("told to end: finishing the calls under way");
                notification.stopping();
                runtime.endStreams();
                server.drain();
                log.info("ended; pods and containers go on");
            }
        } finally {
            ENDED.countDown();
        }
    }

    private static Images images(DaemonConfig config) throws ConfigException, IOException {
        DaemonConfig.Image image = config.image();
        try {
            return LocalImages.open(
                    config.root(),
                    new ImageConfig(
                            image.certsDir(),
                            Set.of(),
                            image.authFile().isEmpty() ? null : Path.of(image.authFile()),
                            image.parallelLayers(),
                            image.stallTimeout(),
                            image.keepBlobs(),
                            Set.copyOf(image.pinned())));
        } catch (ImageException e) {
            throw new IOException("cannot open the image store: " + e.getMessage(), e);
        }
    }

    private static CriRuntime runtime(DaemonConfig config, Images images) throws IOException, InterruptedException {
        RuntimeLayout layout = new RuntimeLayout(config.root(), config.run());
        Cni cni = new Cni(new CniConfig(
                List.of(config.cni().confDir()),
                config.cni().binDirs(),
                config.root().resolve("cni"),
                config.cni().timeout()));
        try {
            return CriRuntime.start(
                    layout,
                    new CriRuntime.Settings(
                            config.pods().defaultRuntimeHandler(),
                            config.pods().seccompProfileRoot(),
                            config.pods().podShmSize(),
                            config.cdi().specDirs(),
                            streaming(config, layout)),
                    new Version(Distribution.version()),
                    images,
                    cni,
                    new Shims(config.shim()),
                    Cgroups.detect(driver(config.cgroup().driver())));
        } catch (SandboxException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    private static StreamingConfig streaming(DaemonConfig config, RuntimeLayout layout) {
        DaemonConfig.Streaming streaming = config.streaming();
        StreamingConfig.Tls tls = null;
        if (!streaming.tlsCert().isEmpty()) {
            tls = new StreamingConfig.Given(Path.of(streaming.tlsCert()), Path.of(streaming.tlsKey()));
        } else if (streaming.enableTls()) {
            tls = new StreamingConfig.Generated(layout.streaming());
        }
        return new StreamingConfig(streaming.address(), streaming.port(), layout.tmp(), tls);
    }

    /** Null for auto. */
    static Cgroups.@Nullable Driver driver(String configured) {
        return switch (configured) {
            case "systemd" -> Cgroups.Driver.SYSTEMD;
            case "cgroupfs" -> Cgroups.Driver.CGROUPFS;
            default -> null;
        };
    }

    /**
     * Ends and removes every pod, with its containers, networks and cgroups. Images stay.
     *
     * @return false if one of them could not be removed; what was tried, and why it failed, is printed
     */
    static boolean reset(DaemonConfig config, PrintStream out)
            throws ConfigException, IOException, InterruptedException {
        Logging.configure(config.logLevel());
        try (RootLock _ = RootLock.take(config.root());
                Images images = images(config);
                CriRuntime runtime = runtime(config, images)) {
            CriRuntime.Removal removal = runtime.removePods();
            removal.failures().forEach(failure -> out.println("failed   " + failure));
            out.println(removal.removed() + " pods removed");
            return removal.failures().isEmpty();
        }
    }

    static void awaitTermination() throws InterruptedException {
        CountDownLatch told = new CountDownLatch(1);
        Runtime.getRuntime()
                .addShutdownHook(new Thread(
                        () -> {
                            told.countDown();
                            try {
                                // The process ends when its hooks have: until then the calls under way are finished.
                                ENDED.await();
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                        },
                        "gantry-termination"));
        told.await();
    }
}
