package io.gantry.sandbox;

/** The five capability sets of a process, bit n for capability number n. */
public record CapabilitySets(long bounding, long permitted, long effective, long inheritable, long ambient) {
    /** No capability at all. */
    public static final CapabilitySets NONE = new CapabilitySets(0, 0, 0, 0, 0);

    void write(Records records) {
        write(records, "bounding", bounding);
        write(records, "permitted", permitted);
        write(records, "effective", effective);
        write(records, "inheritable", inheritable);
        write(records, "ambient", ambient);
    }

    private static void write(Records records, String set, long bits) {
        if (bits != 0) {
            records.add("caps", set, Long.toHexString(bits));
        }
    }
}
