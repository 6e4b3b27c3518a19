package io.gantry.sandbox;

/**
 * The process that a new cgroup begins with. Only systemd asks for one: it makes no scope without, and moves it there.
 *
 * @param pid it must stay until another process has come; 0 for none
 * @param podLeaf empty for the group of a pod's own processes; else the name of that group, which must outlive this one when the machine goes down
 */
public record FirstProcess(long pid, String podLeaf) {
    /** For groups that are folders and no more. */
    public static final FirstProcess NONE = new FirstProcess(0, "");
}
