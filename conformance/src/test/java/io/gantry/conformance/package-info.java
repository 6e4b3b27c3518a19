/** Black-box tests: what a client of the socket sees, and what it leaves on the machine. */
@NullMarked
package io.gantry.conformance;

import org.jspecify.annotations.NullMarked;
