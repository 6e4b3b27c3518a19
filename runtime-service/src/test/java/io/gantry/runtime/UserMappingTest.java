package io.gantry.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.cri.CriException;
import io.gantry.cri.v1.IDMapping;
import io.gantry.cri.v1.Mount;
import io.gantry.cri.v1.NamespaceMode;
import io.gantry.cri.v1.NamespaceOption;
import io.gantry.cri.v1.UserNamespace;
import io.gantry.sandbox.ContainerUser;
import io.gantry.sandbox.IdMap;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

class UserMappingTest {
    private static final UserMapping POD = new UserMapping(new IdMap(0, 65536, 65536), new IdMap(0, 131072, 1000));

    private static IDMapping mapping(int container, int host, int length) {
        return IDMapping.newBuilder()
                .setContainerId(container)
                .setHostId(host)
                .setLength(length)
                .build();
    }

    private static NamespaceOption options(NamespaceMode mode, List<IDMapping> uids, List<IDMapping> gids) {
        return NamespaceOption.newBuilder()
                .setUsernsOptions(UserNamespace.newBuilder()
                        .setMode(mode)
                        .addAllUids(uids)
                        .addAllGids(gids))
                .build();
    }

    private static final NamespaceOption OWN =
            options(NamespaceMode.POD, List.of(mapping(0, 65536, 65536)), List.of(mapping(0, 131072, 1000)));
    private static final NamespaceOption HOST = options(NamespaceMode.NODE, List.of(), List.of());

    private static void refused(ThrowingCallable call, String words) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        CriException.class, e -> assertThat(e.kind()).isEqualTo(CriException.Kind.INVALID))
                .hasMessageContaining(words);
    }

    @Test
    void oneMappingEachThatBeginsWithRoot() throws Exception {
        assertThat(UserMapping.of("pod", OWN)).isEqualTo(POD);
        assertThat(UserMapping.of("pod", HOST)).isNull();
        assertThat(UserMapping.of("pod", NamespaceOption.getDefaultInstance())).isNull();
        assertThat(POD.uids().outside(0)).isEqualTo(65536);
        assertThat(POD.uids().outside(65535)).isEqualTo(131071);
    }

    @Test
    void refusesAnythingElse() {
        List<IDMapping> good = List.of(mapping(0, 65536, 65536));
        List<IDMapping> two = List.of(mapping(0, 65536, 10), mapping(10, 70000, 10));
        refused(() -> UserMapping.of("pod", options(NamespaceMode.POD, two, good)), "uids: exactly one mapping");
        refused(() -> UserMapping.of("pod", options(NamespaceMode.POD, good, two)), "gids: exactly one mapping");
        refused(() -> UserMapping.of("pod", options(NamespaceMode.POD, good, List.of())), "gids: exactly one");
        refused(
                () -> UserMapping.of("pod", options(NamespaceMode.POD, List.of(mapping(1, 65536, 10)), good)),
                "id 0 of the container is not mapped");
        refused(
                () -> UserMapping.of("pod", options(NamespaceMode.POD, good, List.of(mapping(0, 65536, 0)))),
                "no range");
        // -10 is 2^32 - 10: ids are unsigned.
        refused(
                () -> UserMapping.of("pod", options(NamespaceMode.POD, good, List.of(mapping(0, -10, 10)))),
                "no range");
        refused(() -> UserMapping.of("pod", options(NamespaceMode.NODE, good, good)), "mode NODE");
        refused(() -> UserMapping.of("pod", options(NamespaceMode.CONTAINER, good, good)), "CONTAINER");
        refused(() -> UserMapping.of("pod", options(NamespaceMode.TARGET, good, good)), "TARGET");
    }

    @Test
    void aContainerIsInTheNamespaceOfItsPod() {
        NamespaceOption silent = NamespaceOption.getDefaultInstance();
        NamespaceOption other =
                options(NamespaceMode.POD, List.of(mapping(0, 65536, 1)), List.of(mapping(0, 131072, 1000)));
        assertThatCode(() -> UserMapping.same("c", OWN, POD)).doesNotThrowAnyException();
        assertThatCode(() -> UserMapping.same("c", silent, POD)).doesNotThrowAnyException();
        assertThatCode(() -> UserMapping.same("c", silent, null)).doesNotThrowAnyException();
        assertThatCode(() -> UserMapping.same("c", HOST, null)).doesNotThrowAnyException();
        refused(() -> UserMapping.same("c", HOST, POD), "not those of its pod");
        refused(() -> UserMapping.same("c", other, POD), "not those of its pod");
        refused(() -> UserMapping.same("c", OWN, null), "not those of its pod");
    }

    @Test
    void aMountIsMappedAsThePodIs() throws Exception {
        Mount.Builder mount = Mount.newBuilder();
        assertThat(UserMapping.applies("m", mount.build(), POD)).isFalse();
        assertThat(UserMapping.applies("m", mount.build(), null)).isFalse();
        mount.addUidMappings(mapping(0, 65536, 65536));
        refused(() -> UserMapping.applies("m", mount.build(), POD), "not those of the pod");
        refused(() -> UserMapping.applies("m", mount.build(), null), "host's user namespace");
        mount.addGidMappings(mapping(0, 131072, 1000));
        assertThat(UserMapping.applies("m", mount.build(), POD)).isTrue();
        mount.addGidMappings(mapping(1000, 1, 1));
        refused(() -> UserMapping.applies("m", mount.build(), POD), "not those of the pod");
    }

    @Test
    void usersBeyondTheMappingAreRefused() {
        assertThatCode(() -> POD.covers("c", new ContainerUser(65535, 999, List.of(0, 999), "/")))
                .doesNotThrowAnyException();
        refused(() -> POD.covers("c", new ContainerUser(65536, 0, List.of(), "/")), "user 65536");
        refused(() -> POD.covers("c", new ContainerUser(0, 1000, List.of(), "/")), "group 1000");
        refused(() -> POD.covers("c", new ContainerUser(0, 0, List.of(5, -2), "/")), "group 4294967294");
    }
}
