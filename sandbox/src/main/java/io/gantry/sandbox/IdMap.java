package io.gantry.sandbox;

/** A range of a user namespace: {@code length} ids from {@code container} on are those from {@code host} on outside. */
public record IdMap(long container, long host, long length) {}
