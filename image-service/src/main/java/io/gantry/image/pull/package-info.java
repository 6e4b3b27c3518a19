/** Brings images into the store: one flight per reference and per layer, all layers at once, each in one pass from the source to its folder. */
@NullMarked
package io.gantry.image.pull;

import org.jspecify.annotations.NullMarked;
