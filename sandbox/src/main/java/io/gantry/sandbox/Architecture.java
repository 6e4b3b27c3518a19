package io.gantry.sandbox;

import java.util.List;

/**
 * A machine's architecture as profiles name it.
 *
 * @param goName as in Docker's {@code includes.arches}
 * @param ociName as in {@code architectures}
 * @param nativeTable of ordinary programs
 * @param compatible tables of those with 32 bits
 */
record Architecture(String goName, String ociName, SyscallTable nativeTable, List<SyscallTable> compatible) {
    static final Architecture X86_64 = new Architecture(
            "amd64", "SCMP_ARCH_X86_64", SyscallTable.X86_64, List.of(SyscallTable.X86, SyscallTable.X32));
    static final Architecture AARCH64 = new Architecture("arm64", "SCMP_ARCH_AARCH64", SyscallTable.AARCH64, List.of());

    /** The one of this machine. */
    static Architecture here() {
        return "aarch64".equals(System.getProperty("os.arch")) ? AARCH64 : X86_64;
    }
}
