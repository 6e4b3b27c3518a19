package io.gantry.sandbox;

import java.util.List;

/**
 * A seccomp profile without conditions that are known already (capabilities, architecture, kernel).
 *
 * @param defaultAction what becomes of a call that no rule names
 * @param rules those with conditions are tried in their order, after those without
 * @param compatible whether the machine's other architectures (32 bits, x32) are let in, under the same rules
 */
record SeccompProfile(int defaultAction, List<Rule> rules, boolean compatible, List<String> flags) {
    static final int KILL_PROCESS = 0x80000000;
    static final int KILL_THREAD = 0;
    static final int TRAP = 0x00030000;
    static final int ERRNO = 0x00050000;
    static final int TRACE = 0x7ff00000;
    static final int LOG = 0x7ffc0000;
    static final int ALLOW = 0x7fff0000;

    static final int ACTION_MASK = 0xffff0000;

    /** What a call by one of these names is answered with, if all conditions hold. */
    record Rule(List<String> names, int action, List<Condition> conditions) {}

    /** How an argument is compared, without sign. */
    enum Operator {
        NOT_EQUAL,
        LESS,
        LESS_OR_EQUAL,
        EQUAL,
        GREATER_OR_EQUAL,
        GREATER,
        /** argument AND mask equals value. */
        MASKED_EQUAL
    }

    /**
     * A condition on an argument.
     *
     * @param argument 0 to 5
     * @param mask for MASKED_EQUAL only
     */
    record Condition(int argument, Operator operator, long value, long mask) {}

    /** Whether calls that are newer than the profile should say so (ENOSYS), so that libraries fall back, in place of the default refusal. */
    boolean refusesByDefault() {
        return switch (defaultAction & ACTION_MASK) {
            case ALLOW, LOG, TRACE -> false;
            default -> true;
        };
    }
}
