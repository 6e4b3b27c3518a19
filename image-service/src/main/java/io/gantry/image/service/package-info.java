/** {@link io.gantry.image.Images} put together. */
@NullMarked
package io.gantry.image.service;

import org.jspecify.annotations.NullMarked;
