/* The pod's user namespace: which of its ids are which outside, and how a process becomes its root. */
#pragma once

#include "error.h"
#include "records.h"

#include <sys/types.h>

/* Keeps the `idmap` records of POD; children that are made later have them in their copy of the shim's memory. */
int userns_maps_take(const struct spec *spec, struct error *error);
/* Writes them for a process that has just been born into a new user namespace. */
int userns_maps_write(pid_t pid, struct error *error);
/* What an id of the pod is outside; (uid_t)-1 when it is none. The same id in a pod without a user namespace. */
uid_t userns_uid_outside(uid_t uid);
gid_t userns_gid_outside(gid_t gid);
/* In a child that is in the namespace: all capabilities there, user and group 0, no other groups. */
int userns_become_root(struct error *error);
