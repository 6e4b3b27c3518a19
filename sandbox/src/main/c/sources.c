/*
 * What of a container's file systems is taken from the host: opened, as the host's root and in a mount namespace of the child's own, before anything of the
 * container is entered. A container in a user namespace gets everything from here that its root could not make.
 */
#include "kernel.h"
#include "mountflags.h"
#include "propagation.h"
#include "rootfs.h"
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

int mount_idmap(int mount, int user_namespace, const char *step, const char *path, struct error *error) {
    struct mount_attr map = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)user_namespace};

    if (user_namespace < 0)
        return fail(error, step, path, EINVAL, "the container is in no user namespace to map ids by");
    if (mount_setattr(mount, "", AT_EMPTY_PATH, &map, sizeof map) < 0)
        return fail(error, step, path, errno, errno == EINVAL ? "its file system has no id-mapped mounts" : "cannot map its ids");
    return 0;
}

static int bind_open(const struct rootfs *rootfs, const struct record *r, struct error *error) {
    const char *path = r->arg[0];
    struct mount_flags flags;

    if (mount_flags_parse(&flags, r->arg[2], "bind", r->arg[1], error) < 0)
        return -1;
    if ((flags.propagation == MS_SHARED || flags.propagation == MS_SLAVE)
            && propagation_check(path, flags.propagation == MS_SHARED, error) < 0)
        return -1;
    int source = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (flags.recursive ? AT_RECURSIVE : 0));
    if (source < 0)
        return fail(error, "bind", path, errno, "cannot open the source");
    /* Only the mount itself, as runc and crun do: below it there may be file systems that cannot be mapped. */
    if (flags.id_mapped && mount_idmap(source, rootfs->plan->join[NS_USER], "bind", path, error) < 0) {
        close(source);
        return -1;
    }
    return source;
}

static int volume_open(const struct rootfs *rootfs, const struct record *r, struct error *error) {
    int source = open_tree(AT_FDCWD, r->arg[0], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

    if (source < 0)
        return fail(error, "volume", r->arg[0], errno, "cannot open the source");
    if (rootfs->contained && fchownat(source, "", userns_uid_outside(0), userns_gid_outside(0), AT_EMPTY_PATH) < 0) {
        fail(error, "volume", r->arg[0], errno, "cannot give it to the container's root");
        close(source);
        return -1;
    }
    return source;
}

/* Those that copy from the host's mounts. */
static int hosts_open(struct rootfs *rootfs, struct error *error) {
    const struct spec *spec = rootfs->spec;

    for (size_t i = 0; i < spec->count; i++) {
        const struct record *r = &spec->records[i];

        rootfs->sources[i] = -1;
        if (r->type != R_BIND && r->type != R_VOLUME)
            continue;
        rootfs->sources[i] = r->type == R_BIND ? bind_open(rootfs, r, error) : volume_open(rootfs, r, error);
        if (rootfs->sources[i] < 0)
            return -1;
    }
    return 0;
}

static int images_open(struct rootfs *rootfs, struct error *error) {
    const struct spec *spec = rootfs->spec;

    for (const struct record *r = NULL; (r = spec_next(spec, R_IMAGE, r)) != NULL;) {
        int mount = image_open(spec, r, rootfs->plan->join[NS_USER], error);

        if (mount < 0)
            return -1;
        rootfs->sources[r - spec->records] = mount;
    }
    return 0;
}

/* ---- for a container in a user namespace ---- */

static const char *root_path(const struct spec *spec, struct error *error) {
    const struct record *overlay = spec_next(spec, R_OVERLAY, NULL);

    if (overlay == NULL)
        fail(error, "overlay", NULL, EINVAL, "there is no root file system");
    return overlay == NULL ? NULL : overlay->arg[3];
}

/* Where device nodes are made: a file system that is the host's, since others take none and have none that work. */
static int nodes_open(struct rootfs *rootfs, struct error *error) {
    char options[] = "mode=0700";
    const char *root = root_path(rootfs->spec, error);

    if (root == NULL)
        return -1;
    rootfs->nodes = file_system("tmpfs", "tmpfs", options, 0, root, error);
    if (rootfs->nodes < 0)
        return -1;
    /* Attached, in this process's own mount namespace: before Linux 6.15 nothing is cloned from a detached mount. */
    return move_mount(rootfs->nodes, "", AT_FDCWD, root, MOVE_MOUNT_F_EMPTY_PATH) < 0
            ? fail(error, "device", root, errno, "cannot attach the place for device nodes")
            : 0;
}

static int device_open(struct rootfs *rootfs, const struct record *r, size_t number, struct error *error) {
    char name[24];
    mode_t type = device_type(r);
    mode_t mode = (mode_t)number_of(r->arg[4], 8);
    uid_t uid = userns_uid_outside((uid_t)number_of(r->arg[5], 10));
    gid_t gid = userns_gid_outside((gid_t)number_of(r->arg[6], 10));

    if (type == 0)
        return fail(error, "device", r->arg[0], EINVAL, "the type %s is none of c, b, p", r->arg[1]);
    if (rootfs->nodes < 0 && nodes_open(rootfs, error) < 0)
        return -1;
    snprintf(name, sizeof name, "%zu", number);
    /* An owner that is nobody in the container stays the host's root, who is nobody there too. */
    if (mknodat(rootfs->nodes, name, type | mode, device_number(r, type)) < 0
            || fchownat(rootfs->nodes, name, uid == (uid_t)-1 ? 0 : uid, gid == (gid_t)-1 ? 0 : gid, 0) < 0
            || fchmodat(rootfs->nodes, name, mode, 0) < 0)
        return fail(error, "device", r->arg[0], errno, "cannot make the device");
    int source = open_tree(rootfs->nodes, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    return source < 0 ? fail(error, "device", r->arg[0], errno, "cannot clone the device's mount") : source;
}

/* The file systems that show a namespace of the host can be mounted by the host's root only. */
static bool shows_host(const struct ns_plan *plan, const char *type) {
    static const struct {
        const char *type;
        enum ns_kind kind;
    } views[] = {{"proc", NS_PID}, {"sysfs", NS_NET}, {"mqueue", NS_IPC}, {"cgroup", NS_CGROUP}, {"cgroup2", NS_CGROUP}};

    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        if (strcmp(views[i].type, type) == 0)
            return ns_plan_host(plan, views[i].kind);
    return false;
}

static int contained_open(struct rootfs *rootfs, struct error *error) {
    const struct spec *spec = rootfs->spec;

    for (size_t i = 0; i < spec->count; i++) {
        const struct record *r = &spec->records[i];

        if (r->type == R_OVERLAY)
            rootfs->sources[i] = overlay_by_record(spec, r, rootfs->plan->join[NS_USER], error);
        else if (r->type == R_DEVICE)
            rootfs->sources[i] = device_open(rootfs, r, i, error);
        else if (r->type == R_MOUNT && shows_host(rootfs->plan, r->arg[0]))
            rootfs->sources[i] = mount_make(r, error);
        else
            continue;
        if (rootfs->sources[i] < 0)
            return -1;
    }
    return 0;
}

int rootfs_open(struct rootfs *rootfs, const struct spec *spec, const struct ns_plan *plan, struct error *error) {
    *rootfs = (struct rootfs){.spec = spec,
            .plan = plan,
            .contained = plan->join[NS_USER] >= 0,
            .root = -1,
            .empty = -1,
            .nodes = -1,
            .terminal_master = -1,
            .terminal_slave = -1};
    rootfs->sources = calloc(spec->count + 1, sizeof *rootfs->sources);
    if (rootfs->sources == NULL)
        return fail(error, "rootfs", NULL, ENOMEM, "no memory");
    if (hosts_open(rootfs, error) < 0)
        return -1;
    if (mount("", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        return fail(error, "rootfs", "/", errno, "cannot stop the propagation to the host");
    if (images_open(rootfs, error) < 0)
        return -1;
    return rootfs->contained ? contained_open(rootfs, error) : 0;
}
