/** JSON trees for the modules that speak JSON: CNI, verbose answers, device specifications, the configuration. */
@NullMarked
package io.gantry.json;

import org.jspecify.annotations.NullMarked;
