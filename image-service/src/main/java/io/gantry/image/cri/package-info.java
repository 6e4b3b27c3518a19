/** The CRI's ImageService over {@link io.gantry.image.Images}; the only place here that sees protobuf types. */
@NullMarked
package io.gantry.image.cri;

import org.jspecify.annotations.NullMarked;
