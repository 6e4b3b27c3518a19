package io.gantry.runtime;

/**
 * How the runtime names itself.
 *
 * @param runtime semantic version of gantry
 */
public record Version(String runtime) {
    static final String NAME = "gantry";
    /** The CRI's own version. */
    static final String API = "v1";
    /** What every kubelet insists on in the field that was meant for its own API's version. */
    static final String KUBE_API = "0.1.0";
}
