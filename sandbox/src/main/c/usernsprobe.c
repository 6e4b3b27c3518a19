#include "usernsprobe.h"

#include "kernel.h"
#include "rootfs.h"
#include "spawn.h"
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define OUTSIDE 1000000
#define MAP "0\0" "1000000\0" "65536"

static int payload_parse(struct spec *spec, const char *text, size_t length, enum spec_kind kind, struct error *error) {
    char *payload = malloc(length);

    if (payload == NULL)
        return fail(error, "probe", NULL, ENOMEM, "no memory");
    memcpy(payload, text, length);
    return spec_parse(spec, payload, (uint32_t)length, kind, error);
}

/* A user namespace with its map; it lives as long as the descriptor. */
static int namespace_make(struct error *error) {
    static const char records[] = "idmap\0uid\0" MAP "\0idmap\0gid\0" MAP;
    struct clone3_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    struct spec maps;
    int fd = -1;

    if (payload_parse(&maps, records, sizeof records, SPEC_POD, error) < 0)
        return -1;
    int taken = userns_maps_take(&maps, error);
    spec_free(&maps);
    if (taken < 0)
        return -1;
    pid_t pid = sys_clone3(&args);
    if (pid < 0)
        return fail(error, "probe", NULL, errno, "cannot make a user namespace");
    if (pid == 0)
        for (;;)
            pause();
    if (userns_maps_write(pid, error) == 0)
        fd = ns_open(pid, NS_USER, error);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return fd;
}

/* Layers as an image has them, one with a file of the host's root, and a place to write. */
static int overlay_make(const char *folder, int user_namespace, struct error *error) {
    static const char *const parts[] = {"a", "b", "upper", "work", "root"};
    char path[4096], records[6 * 4096];
    struct spec spec;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, parts[i]);
        if (mkdir(path, 0700) < 0)
            return fail(error, "probe", path, errno, "cannot make a folder");
    }
    snprintf(path, sizeof path, "%s/a/file", folder);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return fail(error, "probe", path, errno, "cannot make a file");
    close(file);
    int length = snprintf(records, sizeof records, "lower%c%s/a%clower%c%s/b%coverlay%c%s/upper%c%s/work%cvolatile%c%s/root", 0,
            folder, 0, 0, folder, 0, 0, folder, 0, folder, 0, 0, folder);
    if (length >= (int)sizeof records)
        return fail(error, "probe", folder, ENAMETOOLONG, "the folder's name is too long");
    if (payload_parse(&spec, records, (size_t)length + 1, SPEC_CREATE, error) < 0)
        return -1;
    int mount = overlay_by_record(&spec, spec_next(&spec, R_OVERLAY, NULL), user_namespace, error);
    spec_free(&spec);
    return mount;
}

/* In the namespace: the layers' file is root's, may be changed, and is then the pod's on the disk; its file systems can be mounted. */
static int try_inside(int overlay, struct error *error) {
    char options[] = "newinstance";
    struct stat status;

    if (move_mount(overlay, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return fail(error, "probe", "/", errno, "cannot attach the overlay in the user namespace");
    int file = openat(overlay, "file", O_RDWR | O_CLOEXEC);
    if (file < 0 || write(file, "x", 1) != 1 || fstat(file, &status) < 0)
        return fail(error, "probe", "file", errno, "cannot change a file of an id-mapped layer");
    close(file);
    if (status.st_uid != 0 || status.st_gid != 0)
        return fail(error, "probe", "file", EINVAL, "a file of an id-mapped layer belongs to %u:%u", status.st_uid, status.st_gid);
    int terminals = file_system("devpts", "devpts", options, 0, "/dev/pts", error);
    if (terminals < 0)
        return -1;
    close(terminals);
    return 0;
}

static int try_host_network(int sysfs, struct error *error) {
    return move_mount(sysfs, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0
            ? fail(error, "probe", "/sys", errno, "cannot attach the host's network to a user namespace")
            : 0;
}

enum userns_answer userns_probe(const char *folder, struct error *error) {
    const struct ns_plan plan = {.join = {-1, -1, -1, -1, -1, namespace_make(error)}};
    char no_options[] = "";
    struct error sysfs_error;

    if (plan.join[NS_USER] < 0)
        return USERNS_MISSING;
    if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        fail(error, "probe", "/", errno, "cannot make a mount namespace");
        return USERNS_MISSING;
    }
    int overlay = overlay_make(folder, plan.join[NS_USER], error);
    int sysfs = file_system("sysfs", "sysfs", no_options, 0, "/sys", &sysfs_error);
    if (overlay < 0 || ns_plan_make(&plan, error) < 0 || try_inside(overlay, error) < 0)
        return USERNS_MISSING;
    if (sysfs < 0) {
        *error = sysfs_error;
        return USERNS_NOT_IN_HOST_NETWORK;
    }
    return try_host_network(sysfs, error) < 0 ? USERNS_NOT_IN_HOST_NETWORK : USERNS_WORKS;
}
