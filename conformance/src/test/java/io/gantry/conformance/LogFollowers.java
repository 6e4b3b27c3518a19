package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Clients that follow logs by {@code crictl logs -f}. */
final class LogFollowers implements AutoCloseable {
    private record Follower(CrictlProcess process, LoadPod pod) {}

    private final Path dir;
    private final List<Follower> followers = new ArrayList<>();
    private int lines;

    LogFollowers(Path dir) {
        this.dir = dir;
    }

    void follow(LoadPod pod) {
        followers.add(new Follower(new CrictlProcess(dir, "logs", "-f", pod.serving()), pod));
    }

    /** To be called when the containers have exited: each follower ends by itself and has printed all, and each line once. */
    void assertEndedWithWholeLogs() {
        for (Follower follower : followers) {
            assertThat(follower.process().waitFor())
                    .as(follower.process().printed())
                    .isZero();
            String log = CriLog.text(CriLog.read(follower.pod().ticks()), "stdout");
            assertThat(follower.process().printed()).isEqualTo(log);
            List<String> ticks = log.lines().toList();
            for (int i = 0; i < ticks.size(); i++) {
                assertThat(ticks.get(i)).isEqualTo("tick " + i);
            }
            lines += ticks.size();
        }
    }

    @Override
    public void close() {
        followers.forEach(follower -> follower.process().close());
    }

    @Override
    public String toString() {
        return lines + " lines followed in " + followers.size() + " logs";
    }
}
