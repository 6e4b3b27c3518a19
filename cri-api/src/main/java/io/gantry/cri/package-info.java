/** What both services of the CRI share beside the generated messages: how their calls fail. */
@org.jspecify.annotations.NullMarked
package io.gantry.cri;
