@NullMarked
package io.gantry.daemon;

import org.jspecify.annotations.NullMarked;
