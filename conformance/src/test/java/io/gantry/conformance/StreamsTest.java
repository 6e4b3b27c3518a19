package io.gantry.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.cri.v1.Container;
import io.gantry.cri.v1.ContainerFilter;
import io.gantry.cri.v1.ContainerStats;
import io.gantry.cri.v1.ListImagesRequest;
import io.gantry.cri.v1.PodSandbox;
import io.gantry.cri.v1.PodSandboxFilter;
import io.gantry.cri.v1.PodSandboxStats;
import io.gantry.cri.v1.StreamContainerStatsRequest;
import io.gantry.cri.v1.StreamContainersRequest;
import io.gantry.cri.v1.StreamContainersResponse;
import io.gantry.cri.v1.StreamImagesRequest;
import io.gantry.cri.v1.StreamPodSandboxStatsRequest;
import io.gantry.cri.v1.StreamPodSandboxesRequest;
import io.gantry.cri.v1.StreamPodSandboxesResponse;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

@BlackBox
class StreamsTest {
    private final Cri cri;

    StreamsTest(Cri cri) {
        this.cri = cri;
    }

    @Test
    void streamsTellWhatListsTellEachOnce() {
        try (TestPod first = TestPod.runOnHostNetwork(cri);
                TestPod second = TestPod.runOnHostNetwork(cri)) {
            String running = first.runIdle();
            String created = second.create(second.container(TestPod.BUSYBOX, "true"));
            assertThat(pods(PodSandboxFilter.getDefaultInstance()))
                    .extracting(PodSandbox::getId)
                    .contains(first.id(), second.id())
                    .doesNotHaveDuplicates();
            assertThat(pods(PodSandboxFilter.newBuilder().setId(second.id()).build()))
                    .containsExactly(cri.listPods().stream()
                            .filter(pod -> pod.getId().equals(second.id()))
                            .findFirst()
                            .orElseThrow());
            assertThat(pods(PodSandboxFilter.newBuilder().setId("0".repeat(64)).build()))
                    .isEmpty();
            assertThat(containers(ContainerFilter.newBuilder()
                            .setPodSandboxId(second.id())
                            .build()))
                    .extracting(Container::getId)
                    .containsExactly(created);
            assertThat(
                            all(cri.runtime().streamContainerStats(StreamContainerStatsRequest.getDefaultInstance()))
                                    .stream()
                                    .flatMap(answer -> answer.getContainerStatsList().stream())
                                    .map(ContainerStats::getAttributes)
                                    .map(attributes -> attributes.getId()))
                    .contains(running)
                    .doesNotContain(created)
                    .doesNotHaveDuplicates();
            assertThat(
                            all(cri.runtime().streamPodSandboxStats(StreamPodSandboxStatsRequest.getDefaultInstance()))
                                    .stream()
                                    .flatMap(answer -> answer.getPodSandboxStatsList().stream())
                                    .map(PodSandboxStats::getAttributes)
                                    .map(attributes -> attributes.getId()))
                    .contains(first.id(), second.id())
                    .doesNotHaveDuplicates();
        }
    }

    @Test
    void aLongListComesInSeveralMessages() {
        List<TestPod> made = IntStream.range(0, 8)
                .mapToObj(i -> TestPod.run(cri, config -> {
                    TestPod.hostNetwork(config);
                    config.putLabels("long", "list");
                    config.putAnnotations("large", "x".repeat(700_000));
                }))
                .toList();
        try {
            List<StreamPodSandboxesResponse> answers = all(cri.runtime()
                    .streamPodSandboxes(StreamPodSandboxesRequest.newBuilder()
                            .setFilter(PodSandboxFilter.newBuilder().putLabelSelector("long", "list"))
                            .build()));
            assertThat(answers).hasSizeGreaterThan(1).allMatch(answer -> answer.getPodSandboxesCount() > 0);
            assertThat(answers.stream().flatMap(answer -> answer.getPodSandboxesList().stream()))
                    .extracting(PodSandbox::getId)
                    .containsExactlyInAnyOrderElementsOf(
                            made.stream().map(TestPod::id).toList());
        } finally {
            made.forEach(TestPod::close);
        }
    }

    @Test
    void imagesAreStreamedToo() {
        cri.pull(TestPod.BUSYBOX);
        assertThat(all(cri.images().streamImages(StreamImagesRequest.getDefaultInstance())).stream()
                        .flatMap(answer -> answer.getImagesList().stream())
                        .toList())
                .containsExactlyInAnyOrderElementsOf(cri.images()
                        .listImages(ListImagesRequest.getDefaultInstance())
                        .getImagesList());
    }

    private static <T> List<T> all(Iterator<T> answers) {
        List<T> collected = new ArrayList<>();
        answers.forEachRemaining(collected::add);
        return collected;
    }

    private List<PodSandbox> pods(PodSandboxFilter filter) {
        return all(cri.runtime()
                        .streamPodSandboxes(StreamPodSandboxesRequest.newBuilder()
                                .setFilter(filter)
                                .build()))
                .stream()
                .flatMap(answer -> answer.getPodSandboxesList().stream())
                .toList();
    }

    private List<Container> containers(ContainerFilter filter) {
        List<StreamContainersResponse> answers = all(cri.runtime()
                .streamContainers(
                        StreamContainersRequest.newBuilder().setFilter(filter).build()));
        assertThat(answers).allMatch(answer -> answer.getContainersCount() > 0);
        return answers.stream()
                .flatMap(answer -> answer.getContainersList().stream())
                .toList();
    }
}
