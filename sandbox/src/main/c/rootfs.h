/*
 * The file system records of CREATE, executed by the child in its own mount namespace. Every step works by descriptors: a mount is made detached, gets its
 * attributes, and is moved onto a target that was resolved within the root.
 */
#pragma once

#include "error.h"
#include "namespaces.h"
#include "records.h"

struct rootfs {
    const struct spec *spec;
    const struct ns_plan *plan;
    bool contained; /* in a user namespace */
    int *sources; /* by record: a detached mount that was made in advance, or -1 */
    int nodes; /* a tmpfs with the device nodes of a contained one; -1 before the first one */
    int root; /* the overlay */
    int empty; /* a read-only empty tmpfs to mask folders with; -1 before the first one */
    int terminal_master; /* -1 without a tty */
    int terminal_slave;
};

/*
 * sources.c: opens every bind source while the host's mounts still have their propagation, then cuts the namespace off; for a container in a user namespace also
 * makes what only the host's root can. `plan` has been entered, but not yet made.
 */
int rootfs_open(struct rootfs *rootfs, const struct spec *spec, const struct ns_plan *plan, struct error *error);
/* Executes the records in their order. */
int rootfs_build(struct rootfs *rootfs, struct error *error);
/* Makes it the root of the process; the host's root lies over it until rootfs_detach_host. */
int rootfs_enter(struct rootfs *rootfs, struct error *error);
/* Takes the host's file systems away, which waits for an RCU grace period: milliseconds on a busy machine. */
int rootfs_detach_host(struct error *error);

/* overlay.c */
struct overlay {
    const char *const *lowers; /* top first */
    size_t count;
    const char *upper; /* "-" for none */
    const char *work;
    const char *flags;
    const char *root;
    int user_namespace; /* by which the ids of its layers are mapped; -1 for none */
    bool detached; /* else it is mounted on `root` */
};

int overlay_mount(const struct overlay *overlay, struct error *error);
/*
 * The root by its record, attached at its ROOT; with a user namespace (not -1) detached, owned by that one's root, and with layers of which the ids are mapped by
 * it.
 */
int overlay_by_record(const struct spec *spec, const struct record *record, int user_namespace, struct error *error);
/* image.c: the detached mount that an `image` record asks for. What it is a clone of stays mounted on the folder of the root. */
int image_open(const struct spec *spec, const struct record *record, int user_namespace, struct error *error);
/* sources.c: maps the ids of a detached mount. */
int mount_idmap(int mount, int user_namespace, const char *step, const char *path, struct error *error);
/* A detached mount of a new file system; `data` is spoilt. */
int file_system(const char *type, const char *source, char *data, uint64_t attributes, const char *target, struct error *error);
/* The same by a `mount` record. */
int mount_make(const struct record *record, struct error *error);
/* S_IFCHR and its like by a `device` record, 0 when it is none. */
mode_t device_type(const struct record *record);
dev_t device_number(const struct record *record, mode_t type);
/* volume.c: copies what is in the folder `from` into the folder `to`, the folder's own owner, mode and times included. */
int volume_copy(int from, int to, const char *path, struct error *error);
