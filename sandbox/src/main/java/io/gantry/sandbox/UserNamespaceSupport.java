package io.gantry.sandbox;

/**
 * What this machine can do for pods with a user namespace, found out by making one.
 *
 * @param pods containers with id-mapped layers can be made
 * @param inHostNetwork also in pods that have no network of their own
 * @param missing what failed; empty if nothing did
 */
public record UserNamespaceSupport(boolean pods, boolean inHostNetwork, String missing) {}
