package io.gantry.sandbox;

/** A cgroup: one folder on version 2, one in each hierarchy on version 1. Its methods find out at each call whether it exists. */
public interface Cgroup {
    /** Its path from the top of the hierarchy, the same in all. */
    String path();

    /** What the shim must know of it. */
    CgroupPlacement placement();

    boolean exists();

    /**
     * Sets those limits that are given; what is zero or empty stays. When one is refused, those already set are put back as far as they can be read.
     *
     * @throws SandboxException INVALID with the file, the value and the kernel's reason
     */
    void update(Resources resources) throws SandboxException;

    /** Present usage; NOT_FOUND if the group is gone. */
    CgroupStats stats() throws SandboxException;

    /** Further counters; NOT_FOUND if the group is gone. */
    CgroupCounters counters() throws SandboxException;

    /** How many processes in it the kernel has killed for memory since it was made; 0 if it is gone. */
    long oomKills();

    /** Sends SIGKILL to every process in it and below; returns at once. */
    void kill() throws SandboxException;

    /** Stops or resumes all processes in it. */
    void freeze(boolean frozen) throws SandboxException;

    /** Kills what is in it and removes it with all groups below. Nothing there is no error. */
    void remove() throws SandboxException;
}
