package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.LinuxContainerResources;
import io.gantry.cri.v1.ListMetricDescriptorsRequest;
import io.gantry.cri.v1.ListPodSandboxMetricsRequest;
import io.gantry.cri.v1.Metric;
import io.gantry.cri.v1.MetricDescriptor;
import io.gantry.cri.v1.PodSandboxMetrics;
import io.gantry.cri.v1.StreamPodSandboxMetricsRequest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

@BlackBox
class MetricsTest {
    /** No disk may have been used, and a kernel may tell no pressure. */
    private static final Set<String> OPTIONAL = Set.of(
            "container_blkio_device_usage_total",
            "container_fs_reads_bytes_total",
            "container_fs_reads_total",
            "container_fs_writes_bytes_total",
            "container_fs_writes_total");

    private final Cri cri;

    MetricsTest(Cri cri) {
        this.cri = cri;
    }

    @Test
    void everyDescriptorHasAValueForARunningContainer() {
        Map<String, MetricDescriptor> descriptors = cri
                .runtime()
                .listMetricDescriptors(ListMetricDescriptorsRequest.getDefaultInstance())
                .getDescriptorsList()
                .stream()
                .collect(Collectors.toMap(MetricDescriptor::getName, Function.identity()));
        assertThat(descriptors).hasSizeGreaterThanOrEqualTo(45);
        assertThat(descriptors.values()).allMatch(each -> !each.getHelp().isEmpty() && each.getLabelKeysCount() >= 6);
        try (TestPod pod = TestPod.run(cri)) {
            String id = pod.runIdle(config -> config.getLinuxBuilder()
                    .setResources(LinuxContainerResources.newBuilder()
                            .setCpuPeriod(100_000)
                            .setCpuQuota(20_000)
                            .setMemoryLimitInBytes(64 << 20)));
            List<Metric> metrics = metrics(pod.id());
            Set<String> missing = new HashSet<>(descriptors.keySet());
            metrics.forEach(metric -> missing.remove(metric.getName()));
            missing.removeIf(name -> OPTIONAL.contains(name) || name.startsWith("container_pressure_"));
            assertThat(missing).isEmpty();
            for (Metric metric : metrics) {
                MetricDescriptor descriptor = Objects.requireNonNull(descriptors.get(metric.getName()));
                assertThat(metric.getLabelValuesList()).as(metric.getName()).hasSize(descriptor.getLabelKeysCount());
                assertThat(metric.hasValue()).as(metric.getName()).isTrue();
            }
            assertThat(value(metrics, "container_spec_memory_limit_bytes")).isEqualTo(64 << 20);
            assertThat(value(metrics, "container_memory_usage_bytes")).isPositive();
            assertThat(value(metrics, "container_processes")).isPositive();
            assertThat(value(metrics, "container_file_descriptors")).isPositive();
            assertThat(metrics)
                    .filteredOn(metric -> metric.getName().equals("container_processes"))
                    .allMatch(metric -> metric.getLabelValuesList().contains(id));
            List<String> streamed = new ArrayList<>();
            cri.runtime()
                    .streamPodSandboxMetrics(StreamPodSandboxMetricsRequest.getDefaultInstance())
                    .forEachRemaining(answer ->
                            answer.getPodSandboxMetricsList().forEach(each -> streamed.add(each.getPodSandboxId())));
            assertThat(streamed).contains(pod.id()).doesNotHaveDuplicates();
        }
    }

    private List<Metric> metrics(String podId) {
        PodSandboxMetrics found = cri
                .runtime()
                .listPodSandboxMetrics(ListPodSandboxMetricsRequest.getDefaultInstance())
                .getPodMetricsList()
                .stream()
                .filter(pod -> pod.getPodSandboxId().equals(podId))
                .findFirst()
                .orElseThrow();
        List<Metric> all = new ArrayList<>(found.getMetricsList());
        found.getContainerMetricsList().forEach(container -> all.addAll(container.getMetricsList()));
        return all;
    }

    private static long value(List<Metric> metrics, String name) {
        return metrics.stream()
                .filter(metric -> metric.getName().equals(name))
                .findFirst()
                .orElseThrow()
                .getValue()
                .getValue();
    }
}
