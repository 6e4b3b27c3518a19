/*
 * The file system records of CREATE, executed by the child in its own mount namespace. Every step works by descriptors: a mount is made detached, gets its
 * attributes, and is moved onto a target that was resolved within the root.
 */
#pragma once

#include "error.h"
#include "records.h"

struct rootfs {
    const struct spec *spec;
    int *sources; /* by record: the detached mount of a `bind` or `volume`, else -1 */
    int root; /* the overlay */
    int empty; /* a read-only empty tmpfs to mask folders with; -1 before the first one */
    int terminal_master; /* -1 without a tty */
    int terminal_slave;
};

/* Opens every bind source while the host's mounts still have their propagation, then cuts the namespace off. */
int rootfs_open(struct rootfs *rootfs, const struct spec *spec, struct error *error);
/* Executes the records in their order. */
int rootfs_build(struct rootfs *rootfs, struct error *error);
/* Makes it the root of the process; the host's root lies over it until rootfs_detach_host. */
int rootfs_enter(struct rootfs *rootfs, struct error *error);
/* Takes the host's file systems away, which waits for an RCU grace period: milliseconds on a busy machine. */
int rootfs_detach_host(struct error *error);

/* overlay.c: the detached overlay mount. */
int overlay_mount(const struct spec *spec, const struct record *record, struct error *error);
/* volume.c: copies what is in the folder `from` into the folder `to`, the folder's own owner, mode and times included. */
int volume_copy(int from, int to, const char *path, struct error *error);
