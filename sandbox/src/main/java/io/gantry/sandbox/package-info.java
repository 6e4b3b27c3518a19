@NullMarked
package io.gantry.sandbox;

import org.jspecify.annotations.NullMarked;
