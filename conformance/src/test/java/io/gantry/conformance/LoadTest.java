package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Many clients at once: pods made, used, listed and removed while an image is pulled again and again, logs are followed and ports are
 * forwarded. Every answer is checked. How long lists took is printed, not asserted. load.sh runs it in full.
 */
@BlackBox
class LoadTest {
    private final Cri cri;
    private final DaemonUnderTest daemon;
    private final LoadPlan plan = LoadPlan.fromEnvironment();

    LoadTest(Cri cri, DaemonUnderTest daemon) {
        this.cri = cri;
        this.daemon = daemon;
    }

    @Test
    @Timeout(value = 20, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void everyAnswerIsRightWithManyClients() throws IOException {
        System.out.println("load: " + plan);
        cri.pull(TestPod.BUSYBOX);
        List<LoadPod> pods = Collections.synchronizedList(new ArrayList<>());
        String report;
        try (ListWatch lists = new ListWatch(new Cri(daemon.dir()));
                PullLoop pulls = new PullLoop(new Cri(daemon.dir()), plan.image())) {
            try (LogFollowers followers = new LogFollowers(daemon.dir());
                    PortTraffic traffic = new PortTraffic(daemon.dir(), plan.seed())) {
                inParallel(numbers(0, plan.forwarders()), make(pods));
                List<LoadPod> lasting = List.copyOf(pods);
                lasting.stream().limit(plan.followers()).forEach(followers::follow);
                lasting.forEach(traffic::forward);
                inParallel(numbers(plan.forwarders(), plan.pods()), make(pods));
                assertThat(cri.listPods()).extracting(pod -> pod.getId()).containsAll(ids(pods));
                List<LoadPod> passing = new ArrayList<>(pods);
                passing.removeAll(lasting);
                inParallel(passing, (client, pod) -> pod.remove(client));
                traffic.stop();
                inParallel(lasting, (client, pod) -> pod.stopServing(client));
                followers.assertEndedWithWholeLogs();
                inParallel(lasting, (client, pod) -> pod.remove(client));
                report = traffic + "\n" + followers;
            }
            lists.stop();
            pulls.stop();
            report = plan + "\n" + pods.size() + " pods made and removed\n" + report + "\n" + pulls + "\n" + lists;
        }
        assertThat(cri.listPods()).extracting(pod -> pod.getId()).doesNotContainAnyElementsOf(ids(pods));
        System.out.println(report);
        Files.writeString(
                Path.of(Objects.requireNonNull(System.getProperty("conformance.dir")))
                        .resolve("target/load-report.txt"),
                report + "\n");
        daemon.assertNothingLeft();
    }

    private BiConsumer<Cri, Integer> make(List<LoadPod> pods) {
        return (client, number) -> {
            LoadPod pod = LoadPod.make(client, number, plan.choices(number));
            pods.add(pod);
            pod.use(client);
        };
    }

    private static List<Integer> numbers(int from, int to) {
        return IntStream.range(from, to).boxed().toList();
    }

    private static List<String> ids(List<LoadPod> pods) {
        return pods.stream().map(LoadPod::id).toList();
    }

    /** Gives each item to one of the clients, and fails with all that went wrong. */
    private <T> void inParallel(List<T> items, BiConsumer<Cri, T> work) {
        AtomicInteger next = new AtomicInteger();
        ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
        List<Thread> threads = IntStream.range(0, plan.clients())
                .mapToObj(client -> Thread.ofPlatform()
                        .name("load-client-" + client)
                        .start(() -> {
                            try (Cri own = new Cri(daemon.dir())) {
                                for (int item = next.getAndIncrement();
                                        item < items.size();
                                        item = next.getAndIncrement()) {
                                    work.accept(own, items.get(item));
                                }
                            } catch (RuntimeException | AssertionError e) {
                                failures.add(e);
                            }
                        }))
                .toList();
        threads.forEach(LoadTest::join);
        if (!failures.isEmpty()) {
            AssertionError failure = new AssertionError(failures.size() + " clients failed; seed " + plan.seed());
            failures.forEach(failure::addSuppressed);
            throw failure;
        }
    }

    static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while " + thread.getName() + " runs", e);
        }
    }
}
