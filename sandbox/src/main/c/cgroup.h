/* Cgroups as the shim needs them: joining, killing, waiting for emptiness, OOM counts. The daemon makes and removes them. */
#pragma once

#include "error.h"
#include "records.h"

#include <stdbool.h>
#include <stdint.h>

/* The directory of the `cgroup v2` record, for CLONE_INTO_CGROUP; -1 and no error when there is none. */
int cgroup_birthplace(const struct spec *spec, int *fd, struct error *error);
/* The child joins its `cgroup v1` groups. */
int cgroup_join(const struct spec *spec, struct error *error);
int cgroup_join_v1(const char *path, struct error *error);
bool cgroup_is_v2(const char *path);

/* Sends a signal to all in the group and below; the number of processes found. A group that has gone is empty. */
unsigned cgroup_signal(const char *path, int signal);
/* SIGKILL to all, by cgroup.kill where there is one. True when the group was empty. */
bool cgroup_kill(const char *path);

/* N of the line "KEY N". False when the file cannot be read or has no such line. */
bool cgroup_count(const char *path, const char *key, uint64_t *count);
