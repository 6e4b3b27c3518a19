@NullMarked
package io.gantry.runtime;

import org.jspecify.annotations.NullMarked;
