package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import io.gantry.runtime.state.ContainerStatusRecord;
import io.gantry.runtime.state.PodStatusRecord;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class StateTest {
    @TempDir
    private Path folder;

    private static final PodState.Network NETWORK =
            new PodState.Network(List.of("10.0.0.2", "fd00::2"), "{\"ips\":[]}");

    static List<PodState> pods() {
        return List.of(
                new PodState.Creating(),
                new PodState.Ready(NETWORK, new PodState.Init(7, 99)),
                new PodState.Stopping(NETWORK),
                new PodState.Stopped(NETWORK));
    }

    static List<ContainerState> containers() {
        return List.of(
                new ContainerState.Creating(),
                new ContainerState.Created(5, 6),
                new ContainerState.Running(5, 6, 7),
                new ContainerState.Exited(1, 2, 137, "OOMKilled", "why"));
    }

    @ParameterizedTest
    @MethodSource("pods")
    void aPodComesBackFromDisk(PodState state) throws IOException {
        Path file = folder.resolve("status");
        RecordFile.write(file, state.toRecord());
        assertThat(PodState.of(RecordFile.read(file, PodStatusRecord.parser()))).isEqualTo(state);
        assertThat(state.isReady()).isEqualTo(state instanceof PodState.Ready);
    }

    @ParameterizedTest
    @MethodSource("containers")
    void aContainerComesBackFromDisk(ContainerState state) throws IOException {
        Path file = folder.resolve("status");
        RecordFile.write(file, state.toRecord().build());
        assertThat(ContainerState.of(RecordFile.read(file, ContainerStatusRecord.parser())))
                .isEqualTo(state);
    }
}
