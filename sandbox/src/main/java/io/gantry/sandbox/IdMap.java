package io.gantry.sandbox;

/** A range of a user namespace: {@code length} ids from {@code container} on are those from {@code host} on outside. */
public record IdMap(long container, long host, long length) {
    /** Whether an id of the container is someone outside. */
    public boolean covers(long id) {
        return id >= container && id - container < length;
    }

    /** Who an id that is covered is outside. */
    public long outside(long id) {
        return id - container + host;
    }
}
