package io.gantry.sandbox;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Finds out who a container runs as. */
public final class Users {
    private static final long MAX_ID = Integer.MAX_VALUE;

    private Users() {}

    /**
     * What decides on the user.
     *
     * @param imageUser the image's USER: {@code user[:group]}, names or numbers; may be empty
     * @param runAsUser null if not given; goes before the name and the image
     * @param runAsUsername must be in the image's /etc/passwd; empty if not given
     * @param runAsGroup null if not given; needs one of the two before it
     * @param supplementalGroups in addition to the image's
     * @param strict the groups that the image's /etc/group gives the user do not count (SupplementalGroupsPolicy, KEP-3619)
     */
    public record Request(
            String imageUser,
            @Nullable Long runAsUser,
            String runAsUsername,
            @Nullable Long runAsGroup,
            List<Long> supplementalGroups,
            boolean strict) {}

    /** A line of /etc/passwd or /etc/group, as far as it is of use. */
    private record Entry(String name, int id, List<String> fields) {}

    /**
     * Resolves a request.
     *
     * @throws SandboxException NOT_FOUND if a name is not in the image's files, INVALID for a number out of 0 to 2^31-1 or a group without a user
     */
    public static ContainerUser resolve(Request request, UserFiles files) throws SandboxException {
        String user;
        String group = "";
        if (request.runAsUser() != null) {
            user = Long.toString(request.runAsUser());
        } else if (!request.runAsUsername().isEmpty()) {
            user = request.runAsUsername();
        } else {
            if (request.runAsGroup() != null) {
                throw new SandboxException(
                        SandboxException.Kind.INVALID, "run_as_group is given without run_as_user or run_as_username");
            }
            int colon = request.imageUser().indexOf(':');
            user = colon < 0 ? request.imageUser() : request.imageUser().substring(0, colon);
            group = colon < 0 ? "" : request.imageUser().substring(colon + 1);
        }
        if (request.runAsGroup() != null) {
            group = Long.toString(request.runAsGroup());
        }

        String wanted = user.isEmpty() ? "0" : user;
        Optional<Entry> account = find(files.passwd(), 7, wanted);
        int uid = account.isPresent() ? account.get().id() : number(wanted, "user", "/etc/passwd");
        int gid;
        if (group.isEmpty()) {
            gid = account.map(entry -> id(entry.fields().get(3)).orElse(0)).orElse(0);
        } else {
            Optional<Entry> entry = find(files.group(), 3, group);
            gid = entry.isPresent() ? entry.get().id() : number(group, "group", "/etc/group");
        }

        Set<Integer> groups = new LinkedHashSet<>();
        groups.add(gid);
        for (Long id : request.supplementalGroups()) {
            groups.add(number(Long.toString(id), "group", "/etc/group"));
        }
        if (!request.strict() && account.isPresent()) {
            String name = account.get().name();
            for (Entry entry : entries(files.group(), 4)) {
                if (List.of(entry.fields().get(3).split(",", -1)).contains(name)) {
                    groups.add(entry.id());
                }
            }
        }
        String home = account.map(entry -> entry.fields().get(5)).orElse("");
        return new ContainerUser(uid, gid, List.copyOf(groups), home.isEmpty() ? "/" : home);
    }

    /** By name, or by number; a name goes first, though it be made of digits. */
    private static Optional<Entry> find(String text, int fields, String wanted) {
        List<Entry> entries = entries(text, fields);
        Predicate<Entry> named = entry -> entry.name().equals(wanted);
        Optional<Entry> byName = entries.stream().filter(named).findFirst();
        if (byName.isPresent()) {
            return byName;
        }
        Optional<Integer> number = id(wanted);
        return number.flatMap(
                id -> entries.stream().filter(entry -> entry.id() == id).findFirst());
    }

    private static List<Entry> entries(String text, int fields) {
        List<Entry> entries = new ArrayList<>();
        text.lines().forEach(line -> {
            List<String> parts = new ArrayList<>(List.of(line.split(":", -1)));
            if (parts.size() >= 3 && !line.startsWith("#")) {
                Optional<Integer> id = id(parts.get(2));
                while (parts.size() < fields) {
                    parts.add("");
                }
                id.ifPresent(number -> entries.add(new Entry(parts.getFirst(), number, parts)));
            }
        });
        return entries;
    }

    private static Optional<Integer> id(String text) {
        if (!text.matches("[0-9]{1,10}")) {
            return Optional.empty();
        }
        long number = Long.parseLong(text);
        return number > MAX_ID ? Optional.empty() : Optional.of((int) number);
    }

    private static int number(String text, String what, String file) throws SandboxException {
        Optional<Integer> id = id(text);
        if (id.isPresent()) {
            return id.get();
        }
        if (text.matches("-?[0-9]+")) {
            throw new SandboxException(
                    SandboxException.Kind.INVALID, what + " " + text + " is out of the range 0 to " + MAX_ID);
        }
        throw new SandboxException(
                SandboxException.Kind.NOT_FOUND,
                "there is no " + what + " '" + text + "' in " + file + " of the image");
    }
}
