package io.gantry.sandbox;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** The system calls of an architecture. */
final class SyscallTable {
    static final SyscallTable X86_64 = new SyscallTable("x86_64", 0xc000003e, true);
    static final SyscallTable X86 = new SyscallTable("x86", 0x40000003, false);
    /** 64-bit calls with 32-bit pointers: the same audit architecture as x86_64, and bit 30 in the number, which the table has not. */
    static final SyscallTable X32 = new SyscallTable("x32", 0xc000003e, true);

    static final SyscallTable AARCH64 = new SyscallTable("aarch64", 0xc00000b7, true);

    /** What x32 adds to its numbers. */
    static final int X32_BIT = 0x40000000;

    private final String resource;
    private final int audit;
    private final boolean wide;
    private final Map<String, Integer> numbers = new HashMap<>();

    private SyscallTable(String name, int audit, boolean wide) {
        this.resource = "syscalls-" + name + ".txt";
        this.audit = audit;
        this.wide = wide;
    }

    /** AUDIT_ARCH_* of linux/audit.h. */
    int audit() {
        return audit;
    }

    /** Whether arguments have 64 bits. */
    boolean isWide() {
        return wide;
    }

    /** The number of a call; empty if this architecture, or this table, has none of that name. */
    OptionalInt number(String name) {
        Integer number = numbers().get(name);
        return number == null ? OptionalInt.empty() : OptionalInt.of(number);
    }

    private synchronized Map<String, Integer> numbers() {
        if (numbers.isEmpty()) {
            lines(resource).forEach(line -> {
                int blank = line.indexOf(' ');
                numbers.put(line.substring(0, blank), Integer.valueOf(line.substring(blank + 1)));
            });
        }
        return numbers;
    }

    /** The lines of a resource of this package without comments and empty ones. */
    static List<String> lines(String resource) {
        try (InputStream in = SyscallTable.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalStateException("the resource " + resource + " is missing");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .map(String::strip)
                    .filter(line -> !line.isEmpty() && !line.startsWith("#"))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
