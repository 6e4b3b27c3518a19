/** The images on disk: records, documents, unpacked layers; who needs what, and what goes when nobody does. */
@NullMarked
package io.gantry.image.store;

import org.jspecify.annotations.NullMarked;
