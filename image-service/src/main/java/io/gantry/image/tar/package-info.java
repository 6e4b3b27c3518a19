/**
 * Reads tar archives: ustar, PAX, GNU, star; names, link targets and extended attributes as bytes.
 *
 * <p>Written anew since Commons Compress decodes PAX values as UTF-8, which destroys binary attributes such as security.capability and names in other encodings.
 */
@NullMarked
package io.gantry.image.tar;

import org.jspecify.annotations.NullMarked;
