/**
 * Talks to registries (OCI distribution-spec 1.1, pull only): where to ask, how to authenticate, how to get a blob over a bad line. Nothing that comes from there
 * is believed before its digest has been checked, and credentials go to nobody but those they are meant for.
 */
@NullMarked
package io.gantry.image.registry;

import org.jspecify.annotations.NullMarked;
