package io.gantry.sandbox;

import java.util.ArrayList;
import java.util.List;

/** Reads the resource seccomp-default.txt. */
final class SeccompDefault {
    private static final int EPERM = 1;
    private static final int ENOSYS = 38;

    private SeccompDefault() {}

    /** The profile for a bounding set on an architecture. */
    static SeccompProfile profile(long capabilities, Architecture architecture) {
        List<SeccompProfile.Rule> rules = new ArrayList<>();
        boolean counts = false;
        for (String line : SyscallTable.lines("seccomp-default.txt")) {
            if (line.startsWith("[")) {
                counts = holds(line.substring(1, line.length() - 1), capabilities, architecture);
            } else if (counts) {
                rules.add(rule(List.of(line.split(" ", -1))));
            }
        }
        return new SeccompProfile(SeccompProfile.ERRNO | EPERM, rules, true, List.of("spec_allow"));
    }

    /** The capabilities that make a difference. */
    static long relevantCapabilities() {
        long bits = 0;
        for (String line : SyscallTable.lines("seccomp-default.txt")) {
            if (line.startsWith("[with")) {
                bits |= bit(line.substring(line.indexOf(' ') + 1, line.length() - 1));
            }
        }
        return bits;
    }

    private static boolean holds(String section, long capabilities, Architecture architecture) {
        String word = section.substring(section.indexOf(' ') + 1);
        if (section.startsWith("with ")) {
            return (capabilities & bit(word)) != 0;
        }
        if (section.startsWith("without ")) {
            return (capabilities & bit(word)) == 0;
        }
        return section.equals("always") || word.equals(architecture.goName());
    }

    private static long bit(String name) {
        try {
            return Capabilities.bit(name);
        } catch (SandboxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static SeccompProfile.Rule rule(List<String> words) {
        if (words.size() > 1 && words.get(1).equals("errno")) {
            return new SeccompProfile.Rule(words.subList(0, 1), SeccompProfile.ERRNO | ENOSYS, List.of());
        }
        if (words.size() > 1 && words.get(1).equals("arg0")) {
            return new SeccompProfile.Rule(
                    words.subList(0, 1),
                    SeccompProfile.ALLOW,
                    List.of(condition(words.get(2), words.subList(3, words.size()))));
        }
        return new SeccompProfile.Rule(words, SeccompProfile.ALLOW, List.of());
    }

    private static SeccompProfile.Condition condition(String operator, List<String> rest) {
        long first = Long.decode(rest.getFirst());
        return switch (operator) {
            case "<" -> new SeccompProfile.Condition(0, SeccompProfile.Operator.LESS, first, 0);
            case ">" -> new SeccompProfile.Condition(0, SeccompProfile.Operator.GREATER, first, 0);
            case "==" -> new SeccompProfile.Condition(0, SeccompProfile.Operator.EQUAL, first, 0);
            case "&" ->
                new SeccompProfile.Condition(0, SeccompProfile.Operator.MASKED_EQUAL, Long.decode(rest.get(2)), first);
            default -> throw new IllegalStateException("seccomp-default.txt has the operator " + operator);
        };
    }
}
