package io.gantry.runtime.cdi;

import java.io.IOException;
import java.util.Comparator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which CDI a file says that it speaks, and which one what stands in it needs. */
record SpecVersion(int major, int minor) implements Comparable<SpecVersion> {
    private static final Pattern SEMANTIC = Pattern.compile("v?(\\d{1,4})\\.(\\d{1,4})\\.\\d{1,4}(-[0-9A-Za-z.-]+)?");
    /** The last one that this reader knows the fields of. */
    private static final SpecVersion NEWEST = new SpecVersion(1, 1);

    static SpecVersion parse(String text) throws IOException {
        Matcher match = SEMANTIC.matcher(text);
        if (!match.matches()) {
            throw new IOException("cdiVersion is no version: " + text);
        }
        SpecVersion version = new SpecVersion(Integer.parseInt(match.group(1)), Integer.parseInt(match.group(2)));
        if (version.major > NEWEST.major) {
            throw new IOException("cdiVersion " + text + " is newer than this runtime, which knows 0.x and 1.x");
        }
        return version;
    }

    /** The specification forbids to take a field from a file that is too old to have it. */
    void require(int neededMajor, int neededMinor, String field) throws IOException {
        if (compareTo(new SpecVersion(neededMajor, neededMinor)) < 0) {
            throw new IOException("cdiVersion is " + major + "." + minor + ", and " + field + " came with "
                    + neededMajor + "." + neededMinor + ".0");
        }
    }

    @Override
    public int compareTo(SpecVersion other) {
        return Comparator.comparingInt(SpecVersion::major)
                .thenComparingInt(SpecVersion::minor)
                .compare(this, other);
    }
}
