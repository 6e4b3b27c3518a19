package io.gantry.sandbox;

import java.util.List;

/**
 * A compiled seccomp filter.
 *
 * @param program struct sock_filter in host byte order, 8 bytes each; not to be changed
 * @param flags of {@code log}, {@code spec_allow}, {@code tsync}
 */
@SuppressWarnings("ArrayRecordComponent")
public record SeccompFilter(byte[] program, List<String> flags) {
    /** How many instructions; the kernel takes at most 4096. */
    public int instructions() {
        return program.length / 8;
    }
}
