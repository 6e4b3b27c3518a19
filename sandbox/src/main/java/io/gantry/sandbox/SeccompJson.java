package io.gantry.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Reads profiles in the OCI's format (runtime-spec config-linux.md) and in Docker's, which adds archMap, includes and excludes. */
final class SeccompJson {
    private static final int EPERM = 1;
    private static final int MAX_ERRNO = 4095;

    private final Architecture architecture;
    private final long capabilities;
    private final String kernel;

    /**
     * @param kernel release, such as {@code 6.18.4-x}
     */
    SeccompJson(Architecture architecture, long capabilities, String kernel) {
        this.architecture = architecture;
        this.capabilities = capabilities;
        this.kernel = kernel;
    }

    SeccompProfile profile(JsonNode json) throws SandboxException {
        if (!json.isObject()) {
            throw invalid("it is not a JSON object");
        }
        if (!json.path("listenerPath").asText("").isEmpty()) {
            throw invalid("a listener (listenerPath) is not supported");
        }
        int defaultAction = action(json.path("defaultAction"), json.path("defaultErrnoRet"));
        List<SeccompProfile.Rule> rules = new ArrayList<>();
        for (JsonNode call : array(json.path("syscalls"), "syscalls")) {
            if (counts(call)) {
                addRules(rules, call, defaultAction);
            }
        }
        return new SeccompProfile(defaultAction, rules, isCompatible(json), flags(json.path("flags")));
    }

    /** The machine's other architectures come with the first of them that is named: by archMap, or in architectures. */
    private boolean isCompatible(JsonNode json) throws SandboxException {
        for (JsonNode entry : array(json.path("archMap"), "archMap")) {
            if (entry.path("architecture").asText().equals(architecture.ociName())
                    && !entry.path("subArchitectures").isEmpty()) {
                return true;
            }
        }
        for (JsonNode name : array(json.path("architectures"), "architectures")) {
            if (!architecture.compatible().isEmpty()
                    && (name.asText().equals("SCMP_ARCH_X86") || name.asText().equals("SCMP_ARCH_X32"))) {
                return true;
            }
        }
        return false;
    }

    private static List<String> flags(JsonNode json) throws SandboxException {
        if (json.isMissingNode() || json.isNull()) {
            // As runc does: a filter need not cost the mitigation of speculative store bypass.
            return List.of("spec_allow");
        }
        List<String> flags = new ArrayList<>();
        for (JsonNode flag : array(json, "flags")) {
            flags.add(
                    switch (flag.asText()) {
                        case "SECCOMP_FILTER_FLAG_TSYNC" -> "tsync";
                        case "SECCOMP_FILTER_FLAG_LOG" -> "log";
                        case "SECCOMP_FILTER_FLAG_SPEC_ALLOW" -> "spec_allow";
                        default -> throw invalid("the flag '" + flag.asText() + "' is not supported");
                    });
        }
        return flags;
    }

    private boolean counts(JsonNode call) throws SandboxException {
        JsonNode includes = call.path("includes");
        JsonNode excludes = call.path("excludes");
        for (JsonNode capability : array(includes.path("caps"), "includes.caps")) {
            if ((capabilities & bit(capability)) == 0) {
                return false;
            }
        }
        for (JsonNode capability : array(excludes.path("caps"), "excludes.caps")) {
            if ((capabilities & bit(capability)) != 0) {
                return false;
            }
        }
        List<JsonNode> arches = array(includes.path("arches"), "includes.arches");
        if (!arches.isEmpty() && arches.stream().noneMatch(this::isHere)) {
            return false;
        }
        if (array(excludes.path("arches"), "excludes.arches").stream().anyMatch(this::isHere)) {
            return false;
        }
        String least = includes.path("minKernel").asText("");
        String most = excludes.path("minKernel").asText("");
        return (least.isEmpty() || isAtLeast(least)) && (most.isEmpty() || !isAtLeast(most));
    }

    private boolean isHere(JsonNode arch) {
        return arch.asText().equals(architecture.goName());
    }

    private static long bit(JsonNode capability) throws SandboxException {
        try {
            return Capabilities.bit(capability.asText());
        } catch (SandboxException e) {
            // A capability of a later kernel, which nobody can have here.
            return 0;
        }
    }

    private boolean isAtLeast(String wanted) throws SandboxException {
        List<Integer> here = version(kernel);
        List<Integer> least = version(wanted);
        int major = Integer.compare(here.get(0), least.get(0));
        return major > 0 || (major == 0 && here.get(1) >= least.get(1));
    }

    private static List<Integer> version(String text) throws SandboxException {
        String[] parts = text.split("[.-]", -1);
        try {
            return List.of(Integer.valueOf(parts[0]), parts.length > 1 ? Integer.parseInt(parts[1]) : 0);
        } catch (NumberFormatException e) {
            throw invalid("'" + text + "' is not a kernel version");
        }
    }

    private void addRules(List<SeccompProfile.Rule> rules, JsonNode call, int defaultAction) throws SandboxException {
        List<String> names = new ArrayList<>();
        if (!call.path("name").asText("").isEmpty()) {
            names.add(call.path("name").asText());
        }
        array(call.path("names"), "names").forEach(name -> names.add(name.asText()));
        if (names.isEmpty()) {
            throw invalid("an entry of 'syscalls' names no call");
        }
        int action = action(call.path("action"), call.path("errnoRet"));
        if (action == defaultAction && !call.path("args").isEmpty()) {
            return;
        }
        Map<Integer, SeccompProfile.Condition> byArgument = new LinkedHashMap<>();
        List<SeccompProfile.Condition> conditions = new ArrayList<>();
        for (JsonNode argument : array(call.path("args"), "args")) {
            SeccompProfile.Condition condition = condition(argument);
            conditions.add(condition);
            byArgument.put(condition.argument(), condition);
        }
        if (byArgument.size() == conditions.size()) {
            rules.add(new SeccompProfile.Rule(names, action, conditions));
        } else {
            // Several conditions on one argument are alternatives, as runc reads them since its first profiles.
            for (SeccompProfile.Condition condition : conditions) {
                rules.add(new SeccompProfile.Rule(names, action, List.of(condition)));
            }
        }
    }

    private static SeccompProfile.Condition condition(JsonNode json) throws SandboxException {
        int argument = json.path("index").asInt(-1);
        if (argument < 0 || argument > 5) {
            throw invalid("an argument's index is " + json.path("index"));
        }
        long value = unsigned(json.path("value"));
        long second = unsigned(json.path("valueTwo"));
        String operator = json.path("op").asText("");
        return switch (operator) {
            case "SCMP_CMP_NE" -> new SeccompProfile.Condition(argument, SeccompProfile.Operator.NOT_EQUAL, value, 0);
            case "SCMP_CMP_LT" -> new SeccompProfile.Condition(argument, SeccompProfile.Operator.LESS, value, 0);
            case "SCMP_CMP_LE" ->
                new SeccompProfile.Condition(argument, SeccompProfile.Operator.LESS_OR_EQUAL, value, 0);
            case "SCMP_CMP_EQ" -> new SeccompProfile.Condition(argument, SeccompProfile.Operator.EQUAL, value, 0);
            case "SCMP_CMP_GE" ->
                new SeccompProfile.Condition(argument, SeccompProfile.Operator.GREATER_OR_EQUAL, value, 0);
            case "SCMP_CMP_GT" -> new SeccompProfile.Condition(argument, SeccompProfile.Operator.GREATER, value, 0);
            case "SCMP_CMP_MASKED_EQ" ->
                new SeccompProfile.Condition(argument, SeccompProfile.Operator.MASKED_EQUAL, second, value);
            default -> throw invalid("'" + operator + "' is not an operator");
        };
    }

    private static long unsigned(JsonNode json) throws SandboxException {
        if (json.isMissingNode() || json.isNull()) {
            return 0;
        }
        if (!json.isIntegralNumber()
                || json.bigIntegerValue().signum() < 0
                || json.bigIntegerValue().bitLength() > 64) {
            throw invalid("an argument's value is " + json);
        }
        return json.bigIntegerValue().longValue();
    }

    private static int action(JsonNode json, JsonNode errnoRet) throws SandboxException {
        int number = errnoRet.isMissingNode() || errnoRet.isNull() ? EPERM : errnoRet.asInt(-1);
        if (number < 0 || number > MAX_ERRNO) {
            throw invalid("an error number is " + errnoRet);
        }
        return switch (json.asText("").toUpperCase(Locale.ROOT)) {
            case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD" -> SeccompProfile.KILL_THREAD;
            case "SCMP_ACT_KILL_PROCESS" -> SeccompProfile.KILL_PROCESS;
            case "SCMP_ACT_TRAP" -> SeccompProfile.TRAP;
            case "SCMP_ACT_ERRNO" -> SeccompProfile.ERRNO | number;
            case "SCMP_ACT_TRACE" -> SeccompProfile.TRACE | number;
            case "SCMP_ACT_LOG" -> SeccompProfile.LOG;
            case "SCMP_ACT_ALLOW" -> SeccompProfile.ALLOW;
            case "SCMP_ACT_NOTIFY" -> throw invalid("SCMP_ACT_NOTIFY needs a listener, which is not supported");
            default -> throw invalid("'" + json.asText("") + "' is not an action");
        };
    }

    private static List<JsonNode> array(JsonNode json, String name) throws SandboxException {
        if (json.isMissingNode() || json.isNull()) {
            return List.of();
        }
        if (!json.isArray()) {
            throw invalid("'" + name + "' is not an array");
        }
        List<JsonNode> elements = new ArrayList<>();
        json.forEach(elements::add);
        return elements;
    }

    private static SandboxException invalid(String why) {
        return new SandboxException(SandboxException.Kind.INVALID, "the seccomp profile is not valid: " + why);
    }
}
