/** Reads untrusted JSON (and TOML, by its parser) as a tree, without data binding, whose start costs the daemon 40 MB and half a second. */
@NullMarked
package io.gantry.image.json;

import org.jspecify.annotations.NullMarked;
