@NullMarked
package io.gantry.packaging;

import org.jspecify.annotations.NullMarked;
