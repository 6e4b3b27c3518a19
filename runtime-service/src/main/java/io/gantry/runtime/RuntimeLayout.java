package io.gantry.runtime;

import java.nio.file.Path;

/**
 * Where things lie on disk: the only class that knows.
 *
 * <pre>
 * root  pods/ID/{config,status}  containers/ID/{config,status,upper,work,volumes/N}  making/
 * run   pods/ID/{shim.sock,shim.pid,shim.log,netns,shm,resolv.conf,hostname,hosts}  containers/ID/{exit,rootfs}  apparmor-profile
 * </pre>
 *
 * {@code root} outlives a reboot, {@code run} does not.
 */
public record RuntimeLayout(Path root, Path run) {

    Path pods() {
        return root.resolve("pods");
    }

    Path containers() {
        return root.resolve("containers");
    }

    /** The streaming server's certificate. */
    public Path streaming() {
        return root.resolve("streaming");
    }

    /** Where a folder is built before it is renamed into place, and files without a name lie; emptied at start. */
    public Path tmp() {
        return root.resolve("making");
    }

    Path pod(String id) {
        return pods().resolve(id);
    }

    /** What UpdatePodSandboxResources last said; there only once it has. */
    Path podResources(String id) {
        return pod(id).resolve("resources");
    }

    Path container(String id) {
        return containers().resolve(id);
    }

    Path upper(String containerId) {
        return container(containerId).resolve("upper");
    }

    Path work(String containerId) {
        return container(containerId).resolve("work");
    }

    Path volume(String containerId, int number) {
        return container(containerId).resolve("volumes").resolve(Integer.toString(number));
    }

    Path podsRun() {
        return run.resolve("pods");
    }

    Path containersRun() {
        return run.resolve("containers");
    }

    Path podRun(String id) {
        return podsRun().resolve(id);
    }

    Path netns(String podId) {
        return podRun(podId).resolve("netns");
    }

    Path shm(String podId) {
        return podRun(podId).resolve("shm");
    }

    Path resolvConf(String podId) {
        return podRun(podId).resolve("resolv.conf");
    }

    Path hostname(String podId) {
        return podRun(podId).resolve("hostname");
    }

    Path hosts(String podId) {
        return podRun(podId).resolve("hosts");
    }

    Path containerRun(String id) {
        return containersRun().resolve(id);
    }

    Path exit(String containerId) {
        return containerRun(containerId).resolve("exit");
    }

    /** An empty folder: the container's root file system is mounted there, but only in its own mount namespace. */
    Path rootfs(String containerId) {
        return containerRun(containerId).resolve("rootfs");
    }

    /** The text of the default AppArmor profile, while it is being loaded. */
    Path appArmorProfile() {
        return run.resolve("apparmor-profile");
    }

    Path cniCache() {
        return root.resolve("cni");
    }
}
