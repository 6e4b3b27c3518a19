/** Turns a compressed layer into a folder that overlayfs can use, in one pass, without trusting a byte of it. */
@NullMarked
package io.gantry.image.unpack;

import org.jspecify.annotations.NullMarked;
