package io.gantry.conformance;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;

/**
 * How much a load run does, from the environment; the defaults are small enough for the suite. The choices that a pod's life makes come
 * from the seed and the pod's number alone, so a seed repeats them whichever client gets the pod.
 *
 * @param pods how many, {@code LOAD_PODS}; those that forward ports are among them
 * @param clients how many work on pods at once
 * @param followers how many follow logs
 * @param forwarders how many forward ports
 * @param image what is pulled and removed all the time, {@code LOAD_IMAGE}
 * @param seed {@code LOAD_SEED}, or a new one
 */
record LoadPlan(int pods, int clients, int followers, int forwarders, String image, long seed) {
    static LoadPlan fromEnvironment() {
        int pods = Integer.parseInt(setting("LOAD_PODS").orElse("10"));
        return new LoadPlan(
                pods,
                8,
                3,
                Math.min(5, pods),
                setting("LOAD_IMAGE").orElse("registry.k8s.io/e2e-test-images/nginx:1.14-2"),
                setting("LOAD_SEED").map(Long::parseLong).orElseGet(() -> (long) new Random().nextInt()));
    }

    private static Optional<String> setting(String name) {
        return Optional.ofNullable(System.getenv(name));
    }

    /** What one pod does. */
    record Choices(boolean hostNetwork, int execs, int lines, int exitCode, boolean stopFirst, List<Integer> codes) {}

    Choices choices(int number) {
        Random random = new Random(Objects.hash(seed, number));
        boolean hostNetwork = number >= forwarders && random.nextInt(3) == 0;
        int execs = 2 + random.nextInt(4);
        return new Choices(
                hostNetwork,
                execs,
                1 + random.nextInt(300),
                random.nextInt(120),
                random.nextBoolean(),
                random.ints(execs, 0, 100).boxed().toList());
    }
}
