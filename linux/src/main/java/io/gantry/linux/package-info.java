@NullMarked
package io.gantry.linux;

import org.jspecify.annotations.NullMarked;
