/** The Container Device Interface: devices that vendors describe in files. It knows nothing of containers. */
@NullMarked
package io.gantry.runtime.cdi;

import org.jspecify.annotations.NullMarked;
