package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import io.gantry.cri.v1.ContainerConfig;
import io.gantry.cri.v1.ContainerMetadata;
import io.gantry.cri.v1.HugepageLimit;
import io.gantry.cri.v1.Int64Value;
import io.gantry.cri.v1.KeyValue;
import io.gantry.cri.v1.LinuxContainerConfig;
import io.gantry.cri.v1.LinuxContainerResources;
import io.gantry.cri.v1.LinuxContainerSecurityContext;
import io.gantry.cri.v1.Mount;
import io.gantry.cri.v1.MountPropagation;
import io.gantry.cri.v1.PsiData;
import io.gantry.cri.v1.UInt64Value;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class ProtoJsonTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static String print(Message message) {
        return ProtoJson.of(message).toString();
    }

    /** JsonFormat is the measure. */
    private static void assertSame(Message message) throws IOException {
        assertThat(JSON.readTree(print(message)))
                .isEqualTo(JSON.readTree(
                        JsonFormat.printer().preservingProtoFieldNames().print(message)));
    }

    @Test
    void aConfigurationWithFieldsOfAllKinds() throws IOException {
        ContainerConfig config = ContainerConfig.newBuilder()
                .setMetadata(
                        ContainerMetadata.newBuilder().setName("na\"me\u00e9").setAttempt(-1))
                .addCommand("sh")
                .addCommand("")
                .addEnvs(KeyValue.newBuilder().setKey("K").setValue(ByteString.copyFrom(new byte[] {0, -1, 'x'})))
                .addMounts(Mount.newBuilder()
                        .setContainerPath("/m")
                        .setReadonly(true)
                        .setPropagation(MountPropagation.PROPAGATION_BIDIRECTIONAL))
                .putLabels("b", "2")
                .putLabels("a", "1")
                .putAnnotations("k", "")
                .setTty(true)
                .setLinux(LinuxContainerConfig.newBuilder()
                        .setResources(LinuxContainerResources.newBuilder()
                                .setMemoryLimitInBytes(Long.MAX_VALUE)
                                .setOomScoreAdj(-997)
                                .addHugepageLimits(HugepageLimit.newBuilder()
                                        .setPageSize("2MB")
                                        .setLimit(-1))
                                .putUnified("memory.high", "1"))
                        .setSecurityContext(LinuxContainerSecurityContext.newBuilder()
                                .setRunAsUser(Int64Value.getDefaultInstance())
                                .addSupplementalGroups(7)
                                .addSupplementalGroups(-7)))
                .build();
        assertSame(config);
        assertThat(print(config)).contains("\"limit\":\"18446744073709551615\"");
    }

    @Test
    void numbersAndWhatIsNotKnown() throws IOException {
        assertSame(UInt64Value.newBuilder().setValue(-1).build());
        assertSame(
                PsiData.newBuilder().setAvg10(0.25).setAvg60(1e300).setTotal(-2).build());
        assertSame(Mount.newBuilder().setPropagationValue(99).build());
        assertSame(ContainerConfig.getDefaultInstance());
    }
}
