package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CgroupCounterFilesTest {
    @Test
    void ioStatTellsDisksThatWereUsed() {
        assertThat(CgroupCounterFiles.ioStat("""
                        8:16 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0
                        8:0
                        253:1 rbytes=0 wbytes=1 rios=0 wios=1"""))
                .containsExactly(
                        new CgroupCounters.DeviceIo(8, 16, 4096, 8192, 1, 2),
                        new CgroupCounters.DeviceIo(253, 1, 0, 1, 0, 1));
        assertThat(CgroupCounterFiles.ioStat(null)).isEmpty();
    }

    @Test
    void throttleFilesOfVersionOneAreJoinedByDisk() {
        assertThat(CgroupCounterFiles.throttleStat(
                        "8:0 Read 4096\n8:0 Write 512\n8:0 Sync 0\nTotal 4608", "8:0 Read 1\n8:0 Write 2\nTotal 3"))
                .containsExactly(new CgroupCounters.DeviceIo(8, 0, 4096, 512, 1, 2));
        assertThat(CgroupCounterFiles.throttleStat("Total 0", null)).isEmpty();
    }
}
