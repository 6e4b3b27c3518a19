package io.gantry.sandbox;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * Makes classic BPF of a profile: a test of the architecture, then a binary search over ranges of call numbers with the same answer. Every block ends in a return, so
 * blocks are put together without labels.
 */
final class SeccompCompiler {
    private static final int LOAD = 0x20;
    private static final int AND = 0x54;
    private static final int JUMP = 0x05;
    private static final int JUMP_EQUAL = 0x15;
    private static final int JUMP_GREATER = 0x25;
    private static final int JUMP_GREATER_OR_EQUAL = 0x35;
    private static final int RETURN = 0x06;

    private static final int NUMBER_OFFSET = 0;
    private static final int ARCH_OFFSET = 4;
    private static final int ARGUMENTS_OFFSET = 16;

    private static final int MAX_INSTRUCTIONS = 4096;
    private static final int ENOSYS = 38;

    /** struct sock_filter. */
    record Instruction(int code, int jumpTrue, int jumpFalse, int k) {}

    /** Calls from this number on, up to the next range, are answered so. */
    private record Range(int first, List<Instruction> answer) {}

    private final SeccompProfile profile;

    private SeccompCompiler(SeccompProfile profile) {
        this.profile = profile;
    }

    static byte[] compile(SeccompProfile profile, Architecture architecture) throws SandboxException {
        List<Instruction> program = new SeccompCompiler(profile).program(architecture);
        if (program.size() > MAX_INSTRUCTIONS) {
            throw new SandboxException(
                    SandboxException.Kind.INVALID,
                    "the seccomp profile needs " + program.size() + " instructions, and the kernel takes "
                            + MAX_INSTRUCTIONS);
        }
        ByteBuffer bytes = ByteBuffer.allocate(8 * program.size()).order(ByteOrder.nativeOrder());
        for (Instruction instruction : program) {
            bytes.putShort((short) instruction.code())
                    .put((byte) instruction.jumpTrue())
                    .put((byte) instruction.jumpFalse())
                    .putInt(instruction.k());
        }
        return bytes.array();
    }

    private List<Instruction> program(Architecture architecture) {
        List<Instruction> program = new ArrayList<>();
        program.add(load(ARCH_OFFSET));
        List<Instruction> main = new ArrayList<>();
        main.add(load(NUMBER_OFFSET));
        if (architecture.nativeTable() == SyscallTable.X86_64) {
            List<Instruction> x32 = architecture.compatible().contains(SyscallTable.X32) && profile.compatible()
                    ? block(SyscallTable.X32, SyscallTable.X32_BIT)
                    : List.of(give(SeccompProfile.KILL_THREAD));
            branch(main, JUMP_GREATER_OR_EQUAL, SyscallTable.X32_BIT, block(SyscallTable.X86_64, 0), x32);
        } else {
            main.addAll(block(architecture.nativeTable(), 0));
        }
        List<Instruction> others = new ArrayList<>();
        others.add(give(SeccompProfile.KILL_THREAD));
        if (profile.compatible()) {
            for (SyscallTable table : architecture.compatible()) {
                if (table.audit() != architecture.nativeTable().audit()) {
                    List<Instruction> other = new ArrayList<>();
                    other.add(load(NUMBER_OFFSET));
                    other.addAll(block(table, 0));
                    List<Instruction> before = others;
                    others = new ArrayList<>();
                    branch(others, JUMP_EQUAL, table.audit(), before, other);
                }
            }
        }
        branch(program, JUMP_EQUAL, architecture.nativeTable().audit(), others, main);
        return program;
    }

    /** The search for one table, the accumulator holding the number. */
    private List<Instruction> block(SyscallTable table, int bit) {
        Map<Integer, List<SeccompProfile.Rule>> byNumber = new TreeMap<>();
        int newest = -1;
        for (SeccompProfile.Rule rule : profile.rules()) {
            for (String name : rule.names()) {
                OptionalInt number = table.number(name);
                if (number.isPresent()) {
                    byNumber.computeIfAbsent(number.getAsInt(), key -> new ArrayList<>())
                            .add(rule);
                    newest = Math.max(newest, number.getAsInt());
                }
            }
        }
        List<Instruction> refusal = List.of(give(profile.defaultAction()));
        List<Range> ranges = new ArrayList<>();
        int next = 0;
        for (Map.Entry<Integer, List<SeccompProfile.Rule>> entry : byNumber.entrySet()) {
            if (entry.getKey() > next) {
                addRange(ranges, bit + next, refusal);
            }
            addRange(ranges, bit + entry.getKey(), answer(entry.getValue(), table));
            next = entry.getKey() + 1;
        }
        boolean tellsNewer = newest >= 0 && profile.refusesByDefault();
        addRange(ranges, bit + next, tellsNewer ? List.of(give(SeccompProfile.ERRNO | ENOSYS)) : refusal);
        return search(ranges);
    }

    private static void addRange(List<Range> ranges, int first, List<Instruction> answer) {
        if (ranges.isEmpty() || !ranges.getLast().answer().equals(answer)) {
            ranges.add(new Range(first, answer));
        }
    }

    private static List<Instruction> search(List<Range> ranges) {
        if (ranges.size() == 1) {
            return ranges.getFirst().answer();
        }
        int middle = ranges.size() / 2;
        List<Instruction> block = new ArrayList<>();
        branch(
                block,
                JUMP_GREATER_OR_EQUAL,
                ranges.get(middle).first(),
                search(ranges.subList(0, middle)),
                search(ranges.subList(middle, ranges.size())));
        return block;
    }

    /** Conditional jumps reach 255 instructions, others any number. */
    private static void branch(
            List<Instruction> to, int test, int value, List<Instruction> otherwise, List<Instruction> then) {
        if (otherwise.size() <= 255) {
            to.add(new Instruction(test, otherwise.size(), 0, value));
        } else {
            to.add(new Instruction(test, 0, 1, value));
            to.add(new Instruction(JUMP, 0, 0, otherwise.size()));
        }
        to.addAll(otherwise);
        to.addAll(then);
    }

    private List<Instruction> answer(List<SeccompProfile.Rule> rules, SyscallTable table) {
        for (SeccompProfile.Rule rule : rules) {
            if (rule.conditions().isEmpty()) {
                return List.of(give(rule.action()));
            }
        }
        List<Instruction> block = new ArrayList<>();
        for (SeccompProfile.Rule rule : rules) {
            List<Instruction> tests = List.of(give(rule.action()));
            for (SeccompProfile.Condition condition : rule.conditions().reversed()) {
                tests = test(condition, tests, table.isWide());
            }
            block.addAll(tests);
        }
        block.add(give(profile.defaultAction()));
        return block;
    }

    /** Instructions that run into what follows if the condition holds, and past it if not. */
    private static List<Instruction> test(SeccompProfile.Condition condition, List<Instruction> follows, boolean wide) {
        int low = ARGUMENTS_OFFSET + 8 * condition.argument();
        int high = low + 4;
        if (ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN) {
            throw new IllegalStateException("only little-endian machines are supported");
        }
        int lowValue = (int) condition.value();
        int highValue = (int) (condition.value() >>> 32);
        int lowMask = (int) condition.mask();
        int highMask = (int) (condition.mask() >>> 32);
        Labels code = new Labels();
        switch (condition.operator()) {
            case EQUAL -> {
                if (wide) {
                    code.add(load(high)).jump(JUMP_EQUAL, highValue, Labels.NEXT, Labels.FAIL);
                }
                code.add(load(low)).jump(JUMP_EQUAL, lowValue, Labels.PASS, Labels.FAIL);
            }
            case NOT_EQUAL -> {
                if (wide) {
                    code.add(load(high)).jump(JUMP_EQUAL, highValue, Labels.NEXT, Labels.PASS);
                }
                code.add(load(low)).jump(JUMP_EQUAL, lowValue, Labels.FAIL, Labels.PASS);
            }
            case MASKED_EQUAL -> {
                if (wide) {
                    code.add(load(high)).add(and(highMask)).jump(JUMP_EQUAL, highValue, Labels.NEXT, Labels.FAIL);
                }
                code.add(load(low)).add(and(lowMask)).jump(JUMP_EQUAL, lowValue, Labels.PASS, Labels.FAIL);
            }
            case GREATER -> order(code, wide, low, lowValue, highValue, JUMP_GREATER, true);
            case GREATER_OR_EQUAL -> order(code, wide, low, lowValue, highValue, JUMP_GREATER_OR_EQUAL, true);
            case LESS -> order(code, wide, low, lowValue, highValue, JUMP_GREATER_OR_EQUAL, false);
            case LESS_OR_EQUAL -> order(code, wide, low, lowValue, highValue, JUMP_GREATER, false);
        }
        return code.link(follows);
    }

    private static void order(
            Labels code, boolean wide, int low, int lowValue, int highValue, int lowTest, boolean above) {
        int yes = above ? Labels.PASS : Labels.FAIL;
        int no = above ? Labels.FAIL : Labels.PASS;
        if (wide) {
            code.add(load(low + 4))
                    .jump(JUMP_GREATER, highValue, yes, Labels.NEXT)
                    .jump(JUMP_EQUAL, highValue, Labels.NEXT, no);
        }
        code.add(load(low)).jump(lowTest, lowValue, yes, no);
    }

    private static Instruction load(int offset) {
        return new Instruction(LOAD, 0, 0, offset);
    }

    private static Instruction and(int mask) {
        return new Instruction(AND, 0, 0, mask);
    }

    private static Instruction give(int action) {
        return new Instruction(RETURN, 0, 0, action);
    }

    /** Instructions of which the jumps go on, into what follows, or past it. */
    private static final class Labels {
        static final int NEXT = 0;
        static final int PASS = -1;
        static final int FAIL = -2;

        private final List<Instruction> code = new ArrayList<>();

        Labels add(Instruction instruction) {
            code.add(instruction);
            return this;
        }

        Labels jump(int test, int value, int yes, int no) {
            code.add(new Instruction(test, yes, no, value));
            return this;
        }

        List<Instruction> link(List<Instruction> follows) {
            // Six conditions on six arguments have at most 30 instructions, well within a jump's reach.
            List<Instruction> linked = new ArrayList<>();
            for (int i = 0; i < code.size(); i++) {
                Instruction one = code.get(i);
                int pass = code.size() - i - 1;
                int fail = pass + follows.size();
                linked.add(new Instruction(
                        one.code(), offset(one.jumpTrue(), pass, fail), offset(one.jumpFalse(), pass, fail), one.k()));
            }
            linked.addAll(follows);
            return linked;
        }

        private static int offset(int label, int pass, int fail) {
            return switch (label) {
                case PASS -> pass;
                case FAIL -> fail;
                default -> 0;
            };
        }
    }
}
