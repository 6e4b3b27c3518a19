package io.gantry.linux;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A line of /proc/PID/mountinfo (proc(5)), octal escapes undone.
 *
 * @param root the path in the file system that is mounted
 * @param options of the mount
 * @param propagation the optional fields, such as {@code shared:1}; empty for a private mount
 * @param superOptions of the file system
 */
public record MountInfo(
        int id,
        int parent,
        String device,
        String root,
        String target,
        List<String> options,
        List<String> propagation,
        String type,
        String source,
        List<String> superOptions) {

    /** The mounts of this process, in the kernel's order. */
    public static List<MountInfo> self() throws LinuxException {
        try (Fd fd = Fd.open("/proc/self/mountinfo", OpenFlags.RDONLY, 0)) {
            return parse(new String(fd.readAll(64 << 20), StandardCharsets.UTF_8));
        }
    }

    /** Parses the file's text. */
    public static List<MountInfo> parse(String text) {
        List<MountInfo> mounts = new ArrayList<>();
        text.lines().filter(line -> !line.isBlank()).forEach(line -> mounts.add(parseLine(line)));
        return List.copyOf(mounts);
    }

    private static MountInfo parseLine(String line) {
        List<String> fields = List.of(line.split(" ", -1));
        int dash = fields.subList(6, fields.size()).indexOf("-") + 6;
        if (dash < 6 || fields.size() < dash + 4) {
            throw new IllegalArgumentException("not a line of mountinfo: " + line);
        }
        return new MountInfo(
                Integer.parseInt(fields.get(0)),
                Integer.parseInt(fields.get(1)),
                fields.get(2),
                unescape(fields.get(3)),
                unescape(fields.get(4)),
                List.of(fields.get(5).split(",")),
                fields.subList(6, dash),
                fields.get(dash + 1),
                unescape(fields.get(dash + 2)),
                List.of(fields.get(dash + 3).split(",")));
    }

    private static String unescape(String field) {
        if (field.indexOf('\\') < 0) {
            return field;
        }
        StringBuilder plain = new StringBuilder();
        for (int i = 0; i < field.length(); i++) {
            char c = field.charAt(i);
            if (c == '\\' && i + 3 < field.length()) {
                plain.append((char) Integer.parseInt(field.substring(i + 1, i + 4), 8));
                i += 3;
            } else {
                plain.append(c);
            }
        }
        return plain.toString();
    }
}
