@NullMarked
package io.gantry.image;

import org.jspecify.annotations.NullMarked;
