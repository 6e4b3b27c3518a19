package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gantry.sandbox.Cgroups.Driver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CgroupPathsTest {
    @ParameterizedTest
    @CsvSource({
        "CGROUPFS, /kubepods/burstable/pod1-2, abc, kubepods/burstable/pod1-2/abc",
        "CGROUPFS, kubepods/pod1, abc, kubepods/pod1/abc",
        "CGROUPFS, '', abc, abc",
        "CGROUPFS, /, abc, abc",
        "CGROUPFS, //a//./b/, '', a/b",
        "CGROUPFS, /test.slice, abc, test.slice/abc",
        "SYSTEMD, kubepods-burstable-pod1_2.slice, cri-abc.scope,"
                + " kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-abc.scope",
        "SYSTEMD, /kubepods.slice/kubepods-pod1.slice, x.scope, kubepods.slice/kubepods-pod1.slice/x.scope",
        "SYSTEMD, /test.slice, x.scope, test.slice/x.scope",
        "SYSTEMD, '', x.scope, system.slice/x.scope",
        "SYSTEMD, -.slice, x.scope, x.scope",
    })
    void resolves(Driver driver, String parent, String leaf, String path) throws Exception {
        assertThat(CgroupPaths.resolve(driver, parent, leaf)).isEqualTo(path);
    }

    @ParameterizedTest
    @CsvSource({
        "CGROUPFS, /a/../b, x",
        "CGROUPFS, /a, ..",
        "CGROUPFS, /a, b/c",
        "SYSTEMD, /kubepods/pod1, x.scope",
        "SYSTEMD, a--b.slice, x.scope",
        "SYSTEMD, -a.slice, x.scope",
        "SYSTEMD, .slice, x.scope",
    })
    void refuses(Driver driver, String parent, String leaf) {
        assertThatThrownBy(() -> CgroupPaths.resolve(driver, parent, leaf))
                .isInstanceOfSatisfying(
                        SandboxException.class, e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.INVALID));
    }

    @Test
    void theWeightFormulaMeetsBothDefaultsAndEnds() {
        assertThat(CgroupV2Group.weight(1)).isEqualTo(1);
        assertThat(CgroupV2Group.weight(2)).isEqualTo(1);
        assertThat(CgroupV2Group.weight(1024)).isEqualTo(100);
        assertThat(CgroupV2Group.weight(262_144)).isEqualTo(10_000);
        assertThat(CgroupV2Group.weight(1_000_000)).isEqualTo(10_000);
        long last = 0;
        for (long shares = 2; shares <= 262_144; shares += 7) {
            assertThat(CgroupV2Group.weight(shares)).isBetween(last, 10_000L);
            last = CgroupV2Group.weight(shares);
        }
    }
}
