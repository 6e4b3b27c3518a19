/** The documents that describe an image: indexes, manifests, configs (OCI image-spec 1.1, Docker image manifest v2 schema 2). */
@NullMarked
package io.gantry.image.manifest;

import org.jspecify.annotations.NullMarked;
