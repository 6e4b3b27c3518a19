package io.gantry.runtime.cdi;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * The devices in some folders, a later folder before an earlier one. The folders are looked at whenever a device is asked for, and what has changed in
 * them is read anew; a file that cannot be read harms nobody who does not want its devices. Thread-safe.
 */
public final class CdiSpecs {
    /** More than that are no configuration. */
    private static final int MAX_FILES = 1000;

    private final List<Path> folders;
    private Map<Path, Known> known = Map.of();

    /** @param folders where files lie, not below them; those that are missing are passed over */
    public CdiSpecs(List<Path> folders) {
        this.folders = List.copyOf(folders);
    }

    /** What became of a request. */
    public sealed interface Outcome {}

    /** The edits to make, in their order. */
    public record Found(List<ContainerEdits> edits) implements Outcome {}

    /** A name that can be none. */
    public record Malformed(String reason) implements Outcome {}

    /** There is no such device, or no file that can be used describes it. */
    public record Unknown(String reason) implements Outcome {}

    /** Several files describe it, and none of them has precedence. */
    public record Ambiguous(String reason) implements Outcome {}

    private record Stamp(Object key, long modified, long changed, long size) {}

    /** A file as it was: what it holds, or why it cannot be used. */
    private sealed interface Content {}

    private record Usable(CdiSpec spec) implements Content {}

    private record Bad(String reason) implements Content {}

    private record Known(Stamp stamp, Content content) {}

    /** A device in one or, if it is ambiguous, several files. */
    private record Candidate(int folder, List<CdiSpec> specs) {}

    public List<Path> folders() {
        return folders;
    }

    /** Looks devices up by their qualified names; a name that is given twice counts once. */
    public synchronized Outcome resolve(Collection<String> names) {
        List<QualifiedName> wanted = new ArrayList<>();
        for (String name : new LinkedHashSet<>(names)) {
            try {
                wanted.add(QualifiedName.parse(name));
            } catch (IOException e) {
                return new Malformed("CDI device \"" + name.replace('\0', '?') + "\": " + e.getMessage());
            }
        }
        List<String> problems = new ArrayList<>();
        Map<QualifiedName, Candidate> devices = scan(problems);
        List<ContainerEdits> edits = new ArrayList<>();
        Set<CdiSpec> applied = Collections.newSetFromMap(new IdentityHashMap<>());
        for (QualifiedName name : wanted) {
            String what = "CDI device " + name.kind() + "=" + name.device();
            Candidate candidate = devices.get(name);
            if (candidate == null) {
                return new Unknown(what + " is in none of the files in " + folders
                        + (problems.isEmpty() ? "" : "; cannot be used: " + String.join("; ", problems)));
            }
            if (candidate.specs.size() > 1) {
                return new Ambiguous(what + " is in several files of one folder: "
                        + candidate.specs.stream().map(CdiSpec::file).toList());
            }
            CdiSpec spec = candidate.specs.getFirst();
            if (applied.add(spec)) {
                edits.add(spec.edits());
            }
            edits.add(spec.devices().get(name.device()));
        }
        return new Found(List.copyOf(edits));
    }

    private Map<QualifiedName, Candidate> scan(List<String> problems) {
        Map<Path, Known> next = new LinkedHashMap<>();
        Map<QualifiedName, Candidate> devices = new HashMap<>();
        for (int i = 0; i < folders.size(); i++) {
            int folder = i;
            for (Path file : files(folders.get(i), problems)) {
                Known now = look(file);
                next.put(file, now);
                switch (now.content) {
                    case Bad(String reason) -> problems.add(file + ": " + reason);
                    case Usable(CdiSpec spec) ->
                        spec.devices()
                                .keySet()
                                .forEach(device -> devices.merge(
                                        new QualifiedName(spec.kind(), device),
                                        new Candidate(folder, List.of(spec)),
                                        CdiSpecs::preferred));
                }
            }
        }
        known = next;
        return devices;
    }

    private static Candidate preferred(Candidate before, Candidate after) {
        if (before.folder != after.folder) {
            return after;
        }
        List<CdiSpec> both = new ArrayList<>(before.specs);
        both.addAll(after.specs);
        return new Candidate(after.folder, List.copyOf(both));
    }

    private static List<Path> files(Path folder, List<String> problems) {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, SpecReader::isSpec)) {
            for (Path file : entries) {
                if (files.size() == MAX_FILES) {
                    problems.add(folder + ": has more than " + MAX_FILES + " files");
                    break;
                }
                files.add(file);
            }
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (NotDirectoryException e) {
            problems.add(folder + ": is no folder");
        } catch (IOException | DirectoryIteratorException e) {
            problems.add(folder + ": " + e);
        }
        Collections.sort(files);
        return files;
    }

    private Known look(Path file) {
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            Object changed = Files.getAttribute(file, "unix:ctime");
            Stamp stamp = new Stamp(
                    String.valueOf(attributes.fileKey()),
                    attributes.lastModifiedTime().to(TimeUnit.NANOSECONDS),
                    changed.hashCode(),
                    attributes.size());
            Known before = known.get(file);
            return before != null && before.stamp.equals(stamp) ? before : new Known(stamp, content(file));
        } catch (IOException e) {
            return new Known(new Stamp("", 0, 0, 0), new Bad(String.valueOf(e)));
        }
    }

    private static Content content(Path file) {
        try {
            return new Usable(SpecReader.read(file));
        } catch (JsonProcessingException e) {
            return new Bad(e.getOriginalMessage());
        } catch (IOException e) {
            return new Bad(String.valueOf(e.getMessage()));
        }
    }
}
