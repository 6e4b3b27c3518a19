package io.gantry.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SeccompTest {
    private static final int ALLOW = SeccompProfile.ALLOW;
    private static final int EPERM = SeccompProfile.ERRNO | 1;
    private static final int ENOSYS = SeccompProfile.ERRNO | 38;
    private static final long[] VALUES = {
        0,
        1,
        2,
        8,
        37,
        38,
        39,
        40,
        41,
        0x11,
        0x20000,
        0x20008,
        0x7e020000L,
        0x10000000L,
        0x00020000L,
        0x7fffffffL,
        0x80000000L,
        0xffffffffL,
        0x100000000L,
        0x100000008L,
        0x12600000000L,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        -1
    };

    /** What the profile says, worked out without any of the compiler's ways. */
    private record Expectation(
            SeccompProfile profile, SyscallTable table, Map<Integer, List<SeccompProfile.Rule>> rules) {
        static Expectation of(SeccompProfile profile, SyscallTable table) {
            Map<Integer, List<SeccompProfile.Rule>> rules = new TreeMap<>();
            for (SeccompProfile.Rule rule : profile.rules()) {
                for (String name : rule.names()) {
                    table.number(name)
                            .ifPresent(number -> rules.computeIfAbsent(number, key -> new ArrayList<>())
                                    .add(rule));
                }
            }
            return new Expectation(profile, table, rules);
        }

        int answer(int number, long argument) {
            List<SeccompProfile.Rule> named = rules.getOrDefault(number, List.of());
            for (SeccompProfile.Rule rule : named) {
                if (rule.conditions().isEmpty()) {
                    return rule.action();
                }
            }
            for (SeccompProfile.Rule rule : named) {
                if (rule.conditions().stream()
                        .allMatch(c -> holds(c, table.isWide() ? argument : argument & 0xffffffffL))) {
                    return rule.action();
                }
            }
            boolean newer = !rules.isEmpty() && number > Collections.max(rules.keySet());
            return newer && profile.refusesByDefault() ? ENOSYS : profile.defaultAction();
        }
    }

    private static boolean holds(SeccompProfile.Condition condition, long argument) {
        if (condition.argument() != 0) {
            return false;
        }
        int order = Long.compareUnsigned(argument, condition.value());
        return switch (condition.operator()) {
            case EQUAL -> order == 0;
            case NOT_EQUAL -> order != 0;
            case LESS -> order < 0;
            case LESS_OR_EQUAL -> order <= 0;
            case GREATER -> order > 0;
            case GREATER_OR_EQUAL -> order >= 0;
            case MASKED_EQUAL -> (argument & condition.mask()) == condition.value();
        };
    }

    private static void compare(SeccompProfile profile, Architecture architecture) throws Exception {
        BpfInterpreter filter = new BpfInterpreter(SeccompCompiler.compile(profile, architecture));
        List<SyscallTable> tables = new ArrayList<>(architecture.compatible());
        tables.add(architecture.nativeTable());
        for (SyscallTable table : tables) {
            int bit = table == SyscallTable.X32 ? SyscallTable.X32_BIT : 0;
            boolean admitted = table == architecture.nativeTable() || profile.compatible();
            Expectation expectation = Expectation.of(profile, table);
            List<String> wrong = new ArrayList<>();
            for (int number = 0; number < 600; number++) {
                for (long value : VALUES) {
                    int wanted = admitted ? expectation.answer(number, value) : SeccompProfile.KILL_THREAD;
                    if (filter.run(table.audit(), bit | number, value) != wanted) {
                        wrong.add(String.format("%x: call %d of %x", table.audit(), number, value));
                    }
                }
            }
            assertThat(wrong).isEmpty();
        }
        assertThat(filter.run(0xc000002b, 1)).isEqualTo(SeccompProfile.KILL_THREAD);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1L << 21, 1L << 18 | 1L << 19, -1})
    void theDefaultProfileAnswersEveryCallAsItSays(long capabilities) throws Exception {
        compare(SeccompDefault.profile(capabilities, Architecture.X86_64), Architecture.X86_64);
        compare(SeccompDefault.profile(capabilities, Architecture.AARCH64), Architecture.AARCH64);
    }

    @Test
    void theDefaultProfileInFacts() throws Exception {
        int arch = SyscallTable.X86_64.audit();
        BpfInterpreter plain = new BpfInterpreter(new Seccomp(Architecture.X86_64)
                .runtimeDefault(Capabilities.bit("CHOWN"))
                .program());
        assertThat(plain.run(arch, number("read"))).isEqualTo(ALLOW);
        assertThat(plain.run(arch, number("mount"))).isEqualTo(EPERM);
        assertThat(plain.run(arch, number("keyctl"))).isEqualTo(EPERM);
        assertThat(plain.run(arch, number("clone3"))).isEqualTo(ENOSYS);
        assertThat(plain.run(arch, number("clone"), 0x01200011)).isEqualTo(ALLOW);
        assertThat(plain.run(arch, number("clone"), 0x10000011)).isEqualTo(EPERM);
        assertThat(plain.run(arch, number("socket"), 2)).isEqualTo(ALLOW);
        assertThat(plain.run(arch, number("socket"), 40)).isEqualTo(EPERM);
        assertThat(plain.run(arch, number("socket"), 38)).isEqualTo(EPERM);
        assertThat(plain.run(arch, number("personality"), 0xffffffffL)).isEqualTo(ALLOW);
        assertThat(plain.run(arch, number("personality"), 0x40000)).isEqualTo(EPERM);
        assertThat(plain.run(arch, 700)).isEqualTo(ENOSYS);
        assertThat(plain.run(SyscallTable.X86.audit(), 1)).isEqualTo(ALLOW);

        BpfInterpreter admin = new BpfInterpreter(new Seccomp(Architecture.X86_64)
                .runtimeDefault(Capabilities.bit("SYS_ADMIN"))
                .program());
        assertThat(admin.run(arch, number("mount"))).isEqualTo(ALLOW);
        assertThat(admin.run(arch, number("clone3"))).isEqualTo(ALLOW);
        assertThat(admin.run(arch, number("clone"), 0x10000011)).isEqualTo(ALLOW);
        assertThat(admin.run(arch, number("reboot"))).isEqualTo(EPERM);
    }

    private static int number(String name) {
        return SyscallTable.X86_64.number(name).orElseThrow();
    }

    @Test
    void programsAreSmallAndCached() throws Exception {
        Seccomp seccomp = new Seccomp(Architecture.X86_64);
        SeccompFilter filter = seccomp.runtimeDefault(Capabilities.bit("CHOWN"));
        assertThat(seccomp.runtimeDefault(Capabilities.bit("KILL"))).isSameAs(filter);
        assertThat(seccomp.runtimeDefault(Capabilities.bit("SYS_TIME"))).isNotSameAs(filter);
        assertThat(filter.instructions()).isLessThan(700);
        assertThat(filter.flags()).containsExactly("spec_allow");
    }

    @Test
    void randomProfilesAnswerEveryCallAsTheySay() throws Exception {
        Random random = new Random(42);
        List<String> names = List.of("read", "write", "socket", "clone", "personality", "keyctl", "mount", "nothing");
        List<SeccompProfile.Operator> operators = List.of(SeccompProfile.Operator.values());
        for (int round = 0; round < 40; round++) {
            List<SeccompProfile.Rule> rules = new ArrayList<>();
            for (int i = random.nextInt(8); i >= 0; i--) {
                List<SeccompProfile.Condition> conditions = new ArrayList<>();
                for (int c = random.nextInt(3); c > 0; c--) {
                    SeccompProfile.Operator operator = operators.get(random.nextInt(operators.size()));
                    long value = VALUES[random.nextInt(VALUES.length)];
                    // A 32-bit architecture sees the low half of both only.
                    conditions.add(new SeccompProfile.Condition(0, operator, value & 0xffffffffL, value | 0xffL));
                }
                rules.add(new SeccompProfile.Rule(
                        List.of(names.get(random.nextInt(names.size())), names.get(random.nextInt(names.size()))),
                        SeccompProfile.ERRNO | random.nextInt(100),
                        conditions));
            }
            int action = random.nextBoolean() ? ALLOW : EPERM;
            compare(new SeccompProfile(action, rules, random.nextBoolean(), List.of()), Architecture.X86_64);
        }
    }

    @Test
    void comparesAll64BitsWhereThereAre64() throws Exception {
        for (SeccompProfile.Operator operator : SeccompProfile.Operator.values()) {
            SeccompProfile.Rule rule = new SeccompProfile.Rule(
                    List.of("read"),
                    EPERM,
                    List.of(new SeccompProfile.Condition(0, operator, 0x100000008L, 0x10000000fL)));
            compare(new SeccompProfile(ALLOW, List.of(rule), false, List.of()), Architecture.X86_64);
        }
    }

    private static SeccompProfile parse(String json, long capabilities) throws Exception {
        return new SeccompJson(Architecture.X86_64, capabilities, "5.14.0-70.el9")
                .profile(new com.fasterxml.jackson.databind.ObjectMapper().readTree(json));
    }

    @Test
    void readsTheFormatOfTheOci() throws Exception {
        SeccompProfile profile = parse("""
                {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
                 "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "flags": ["SECCOMP_FILTER_FLAG_LOG"],
                 "syscalls": [
                  {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
                  {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 97,
                   "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 18446744073709551615, "op": "SCMP_CMP_NE"}]},
                  {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
                   "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}
                """, 0);
        assertThat(profile.defaultAction()).isEqualTo(ENOSYS);
        assertThat(profile.compatible()).isTrue();
        assertThat(profile.flags()).containsExactly("log");
        assertThat(profile.rules())
                .containsExactly(
                        new SeccompProfile.Rule(List.of("read", "write"), ALLOW, List.of()),
                        new SeccompProfile.Rule(
                                List.of("socket"),
                                SeccompProfile.ERRNO | 97,
                                List.of(
                                        new SeccompProfile.Condition(0, SeccompProfile.Operator.EQUAL, 16, 0),
                                        new SeccompProfile.Condition(2, SeccompProfile.Operator.NOT_EQUAL, -1, 0))),
                        new SeccompProfile.Rule(
                                List.of("clone"),
                                ALLOW,
                                List.of(new SeccompProfile.Condition(
                                        0, SeccompProfile.Operator.MASKED_EQUAL, 0, 2114060288L))));
    }

    @Test
    void readsWhatDockerAdds() throws Exception {
        String json = """
                {"defaultAction": "SCMP_ACT_ERRNO",
                 "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
                 "syscalls": [
                  {"name": "a", "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN", "CAP_CHOWN"]}},
                  {"names": ["b"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
                  {"names": ["c"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm64"]}},
                  {"names": ["d"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64"], "minKernel": "4.8"}},
                  {"names": ["e"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "5.15"}},
                  {"names": ["f"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "5.15"}},
                  {"names": ["g"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_OF_THE_FUTURE"]}},
                  {"names": ["h"], "action": "SCMP_ACT_ALLOW",
                   "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}]}
                """;
        assertThat(names(parse(json, 0))).containsExactly("b", "d", "f", "h", "h");
        assertThat(names(parse(json, 1L << 21))).containsExactly("d", "f", "h", "h");
        assertThat(names(parse(json, 1L << 21 | 1))).containsExactly("a", "d", "f", "h", "h");
        assertThat(parse(json, 0).compatible()).isTrue();
        assertThat(parse(json, 0).flags()).containsExactly("spec_allow");
    }

    private static List<String> names(SeccompProfile profile) {
        return profile.rules().stream().flatMap(rule -> rule.names().stream()).toList();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[]",
                "{}",
                "{\"defaultAction\": \"SCMP_ACT_MAYBE\"}",
                "{\"defaultAction\": \"SCMP_ACT_NOTIFY\"}",
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"listenerPath\": \"/x\"}",
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"flags\": [\"SECCOMP_FILTER_FLAG_X\"]}",
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": {}}",
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"action\": \"SCMP_ACT_ALLOW\"}]}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 4096}",
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_LOG\","
                        + " \"args\": [{\"index\": 6, \"value\": 0, \"op\": \"SCMP_CMP_EQ\"}]}]}",
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_LOG\","
                        + " \"args\": [{\"index\": 0, \"value\": 0, \"op\": \"SCMP_CMP_XX\"}]}]}",
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_LOG\","
                        + " \"args\": [{\"index\": 0, \"value\": -1, \"op\": \"SCMP_CMP_EQ\"}]}]}",
                "not json",
            })
    void aBadProfileIsRefused(String json) {
        assertThatThrownBy(() -> new Seccomp().localhost(json.getBytes(StandardCharsets.UTF_8), 0))
                .isInstanceOfSatisfying(
                        SandboxException.class, e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.INVALID));
    }

    @Test
    void localhostProfilesAreFiles(@TempDir Path folder) throws Exception {
        Path file = Files.writeString(folder.resolve("p.json"), "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
        SeccompFilter filter = new Seccomp(Architecture.X86_64).localhost(file, 0);
        assertThat(new BpfInterpreter(filter.program()).run(SyscallTable.X86_64.audit(), 5))
                .isEqualTo(ALLOW);
        assertThatThrownBy(() -> new Seccomp().localhost(folder.resolve("none.json"), 0))
                .hasMessageContaining("none.json")
                .isInstanceOfSatisfying(
                        SandboxException.class, e -> assertThat(e.kind()).isEqualTo(SandboxException.Kind.NOT_FOUND));
    }

    @Test
    void everyNameOfTheDefaultProfileIsAKnownCallSomewhere() {
        List<SyscallTable> tables =
                List.of(SyscallTable.X86_64, SyscallTable.X86, SyscallTable.X32, SyscallTable.AARCH64);
        List<String> unknown = SeccompDefault.profile(-1, Architecture.X86_64).rules().stream()
                .flatMap(rule -> rule.names().stream())
                .filter(name ->
                        tables.stream().noneMatch(table -> table.number(name).isPresent()))
                .toList();
        // Names of other architectures, which the field's profile carries along.
        assertThat(unknown).isSubsetOf("recv", "send", "futex_time32", "rt_sigtimedwait_time64");
    }
}
