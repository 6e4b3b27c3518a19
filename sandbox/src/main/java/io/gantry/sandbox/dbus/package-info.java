/** A small client of D-Bus (specification 0.43): calls, their answers, and signals, on a Unix socket. */
@org.jspecify.annotations.NullMarked
package io.gantry.sandbox.dbus;
