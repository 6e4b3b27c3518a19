package io.gantry.linux;

import java.nio.file.Path;

/** BPF programs of cgroups (bpf(2)). */
public final class CgroupBpf {
    private static final int BPF = Syscalls.AARCH64 ? 280 : 321;
    private static final int PROG_LOAD = 5;
    private static final int PROG_ATTACH = 8;
    private static final int PROG_TYPE_CGROUP_DEVICE = 15;
    private static final int ATTACH_CGROUP_DEVICE = 6;
    private static final int ALLOW_MULTI = 2;
    private static final int ATTRIBUTES = 128;

    private CgroupBpf() {}

    /**
     * Attaches a program that is asked about each use of a device by a process of a cgroup of version 2. It stays as long as the cgroup. Programs of the groups above are
     * asked as well, and each must agree.
     *
     * @param program struct bpf_insn, 8 bytes each, at most 64 KiB
     * @throws LinuxException EINVAL if the kernel has no CONFIG_CGROUP_BPF or its verifier refuses the program, EPERM without CAP_BPF and CAP_SYS_ADMIN
     */
    public static void attachDeviceProgram(Path cgroup, byte[] program) throws LinuxException {
        try (Fd group = Fd.open(cgroup, OpenFlags.RDONLY | OpenFlags.DIRECTORY, 0);
                Fd loaded = load(program);
                Scratch s = Scratch.take()) {
            int attributes = s.zeroed(ATTRIBUTES);
            s.putInt(attributes, group.value());
            s.putInt(attributes + 4, loaded.value());
            s.putInt(attributes + 8, ATTACH_CGROUP_DEVICE);
            s.putInt(attributes + 12, ALLOW_MULTI);
            Syscalls.check(
                    Syscalls.call(s, BPF, PROG_ATTACH, s.address(attributes), ATTRIBUTES, 0),
                    "bpf(BPF_PROG_ATTACH)",
                    cgroup.toString());
        }
    }

    private static Fd load(byte[] program) throws LinuxException {
        try (Scratch s = Scratch.take()) {
            int attributes = s.zeroed(ATTRIBUTES);
            int instructions = s.reserve(program.length);
            s.putBytes(instructions, program, 0, program.length);
            s.putInt(attributes, PROG_TYPE_CGROUP_DEVICE);
            s.putInt(attributes + 4, program.length / 8);
            s.putLong(attributes + 8, s.address(instructions));
            s.putLong(attributes + 16, s.text("Apache-2.0"));
            long fd = Syscalls.call(s, BPF, PROG_LOAD, s.address(attributes), ATTRIBUTES, 0);
            return Fd.adopt((int) Syscalls.check(fd, "bpf(BPF_PROG_LOAD)", "a device program"), "a device program");
        }
    }
}
