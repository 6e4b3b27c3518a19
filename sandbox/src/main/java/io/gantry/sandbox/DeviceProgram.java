package io.gantry.sandbox;

import io.gantry.sandbox.Resources.DeviceRule;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** Makes eBPF of device rules, since cgroup v2 has no files for them (BPF_PROG_TYPE_CGROUP_DEVICE, Linux 4.15). */
final class DeviceProgram {
    private static final int LOAD_WORD = 0x61;
    private static final int MOVE = 0xb7;
    private static final int MOVE_REGISTER = 0xbf;
    private static final int AND = 0x57;
    private static final int SHIFT_RIGHT = 0x77;
    private static final int JUMP_NOT_EQUAL = 0x55;
    private static final int EXIT = 0x95;

    private static final int CONTEXT = 1;
    private static final int TYPE = 2;
    private static final int ACCESS = 3;
    private static final int MAJOR = 4;
    private static final int MINOR = 5;
    private static final int REST = 6;

    /** struct bpf_insn. */
    private record Instruction(int code, int to, int from, int offset, int value) {}

    private DeviceProgram() {}

    /** A program that allows what one of the rules allows, and denies all else. */
    static byte[] compile(List<DeviceRule> rules) {
        List<Instruction> program = new ArrayList<>();
        // struct bpf_cgroup_dev_ctx: access in the upper half and type in the lower, then major and minor.
        program.add(new Instruction(LOAD_WORD, TYPE, CONTEXT, 0, 0));
        program.add(new Instruction(MOVE_REGISTER, ACCESS, TYPE, 0, 0));
        program.add(new Instruction(SHIFT_RIGHT, ACCESS, 0, 0, 16));
        program.add(new Instruction(AND, TYPE, 0, 0, 0xffff));
        program.add(new Instruction(LOAD_WORD, MAJOR, CONTEXT, 4, 0));
        program.add(new Instruction(LOAD_WORD, MINOR, CONTEXT, 8, 0));
        rules.forEach(rule -> program.addAll(test(rule)));
        program.add(new Instruction(MOVE, 0, 0, 0, 0));
        program.add(new Instruction(EXIT, 0, 0, 0, 0));

        ByteBuffer bytes = ByteBuffer.allocate(8 * program.size()).order(ByteOrder.nativeOrder());
        for (Instruction one : program) {
            // Of the two registers the first is in the lower half on little-endian machines.
            bytes.put((byte) one.code())
                    .put((byte) (one.to() | one.from() << 4))
                    .putShort((short) one.offset())
                    .putInt(one.value());
        }
        return bytes.array();
    }

    private static List<Instruction> test(DeviceRule rule) {
        List<Instruction> tests = new ArrayList<>();
        if (rule.type() != 'a') {
            tests.add(new Instruction(JUMP_NOT_EQUAL, TYPE, 0, 0, rule.type() == 'b' ? 1 : 2));
        }
        int allowed = access(rule.access());
        if (allowed != 7) {
            tests.add(new Instruction(MOVE_REGISTER, REST, ACCESS, 0, 0));
            tests.add(new Instruction(AND, REST, 0, 0, ~allowed));
            tests.add(new Instruction(JUMP_NOT_EQUAL, REST, 0, 0, 0));
        }
        if (rule.major() >= 0) {
            tests.add(new Instruction(JUMP_NOT_EQUAL, MAJOR, 0, 0, rule.major()));
        }
        if (rule.minor() >= 0) {
            tests.add(new Instruction(JUMP_NOT_EQUAL, MINOR, 0, 0, rule.minor()));
        }
        tests.add(new Instruction(MOVE, 0, 0, 0, 1));
        tests.add(new Instruction(EXIT, 0, 0, 0, 0));
        List<Instruction> linked = new ArrayList<>();
        for (int i = 0; i < tests.size(); i++) {
            Instruction one = tests.get(i);
            linked.add(
                    one.code() == JUMP_NOT_EQUAL
                            ? new Instruction(one.code(), one.to(), 0, tests.size() - i - 1, one.value())
                            : one);
        }
        return linked;
    }

    private static int access(String letters) {
        return (letters.contains("m") ? 1 : 0) | (letters.contains("r") ? 2 : 0) | (letters.contains("w") ? 4 : 0);
    }
}
