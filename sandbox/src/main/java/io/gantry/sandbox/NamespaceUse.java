package io.gantry.sandbox;

/**
 * Which namespace of a kind a container gets.
 *
 * @param where {@code new}, {@code pod}, {@code host} or {@code container:ID}
 */
public record NamespaceUse(Namespace kind, String where) {
    /** One of its own. */
    public static NamespaceUse own(Namespace kind) {
        return new NamespaceUse(kind, "new");
    }

    /** The pod's. */
    public static NamespaceUse pod(Namespace kind) {
        return new NamespaceUse(kind, "pod");
    }

    /** The host's. */
    public static NamespaceUse host(Namespace kind) {
        return new NamespaceUse(kind, "host");
    }

    /** That of another container of the same pod, which must run. */
    public static NamespaceUse container(Namespace kind, String id) {
        return new NamespaceUse(kind, "container:" + id);
    }
}
