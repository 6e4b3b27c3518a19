package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.ListContainerStatsRequest;
import io.gantry.cri.v1.ListImagesRequest;
import io.gantry.cri.v1.VersionRequest;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A client that does nothing but list, all the time, and notes how long each list took: one that waits for a lock shows as a gap to
 * Version, which needs nothing and so tells how busy the machine is.
 */
final class ListWatch implements AutoCloseable {
    private final Cri cri;
    private final Map<String, Times> times = new LinkedHashMap<>();
    private final Worker worker;

    private static final class Times {
        private long[] nanos = new long[1024];
        private int count;

        void add(long value) {
            if (count == nanos.length) {
                nanos = Arrays.copyOf(nanos, count * 2);
            }
            nanos[count++] = value;
        }

        @Override
        public String toString() {
            long[] sorted = Arrays.copyOf(nanos, count);
            Arrays.sort(sorted);
            return String.format(
                    Locale.ROOT,
                    "%d calls, p50 %.1f ms, p99 %.1f ms, longest %.1f ms",
                    count,
                    at(sorted, 0.5),
                    at(sorted, 0.99),
                    at(sorted, 1));
        }

        private static double at(long[] sorted, double part) {
            return sorted.length == 0 ? 0 : sorted[(int) Math.ceil(part * sorted.length) - 1] / 1e6;
        }
    }

    /** Closes the connection in the end. */
    ListWatch(Cri cri) {
        this.cri = cri;
        this.worker = new Worker("load-lists", this::list);
    }

    private void list() {
        timed("Version", () -> cri.runtime().version(VersionRequest.getDefaultInstance()));
        timed(
                "ListPodSandbox",
                () -> assertThat(cri.listPods())
                        .allSatisfy(
                                pod -> assertThat(pod.getMetadata().getName()).isNotEmpty())
                        .doesNotHaveDuplicates());
        timed(
                "ListContainers",
                () -> assertThat(cri.listContainers())
                        .allSatisfy(
                                container -> assertThat(container.getImageId()).isNotEmpty())
                        .doesNotHaveDuplicates());
        timed(
                "ListImages",
                () -> assertThat(cri.images()
                                .listImages(ListImagesRequest.getDefaultInstance())
                                .getImagesList())
                        .allSatisfy(image -> assertThat(image.getSize()).isPositive()));
        timed(
                "ListContainerStats",
                () -> cri.runtime().listContainerStats(ListContainerStatsRequest.getDefaultInstance()));
        pause();
    }

    private void timed(String name, Runnable call) {
        long start = System.nanoTime();
        call.run();
        times.computeIfAbsent(name, any -> new Times()).add(System.nanoTime() - start);
    }

    private static void pause() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    void stop() {
        worker.stop();
    }

    @Override
    public void close() {
        worker.close();
        cri.close();
    }

    /** Only when stopped. */
    @Override
    public String toString() {
        List<String> lines = times.entrySet().stream()
                .map(entry -> entry.getKey() + ": " + entry.getValue())
                .toList();
        return lines.stream().collect(Collectors.joining("\n"));
    }
}
