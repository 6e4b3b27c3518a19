/* What a process of a container is: its user, capabilities, limits, filters. Used by the child of CREATE and of EXEC alike. */
#pragma once

#include "error.h"
#include "records.h"

#include <sys/types.h>

struct capabilities {
    uint64_t bounding, permitted, effective, inheritable, ambient;
};

/* Parsed in the child before it leaves the host's file systems. */
struct attributes {
    const struct spec *spec;
    uid_t uid;
    gid_t gid;
    int label; /* /proc/self/attr/..., where the LSM profile is written; -1 for none */
    struct capabilities capabilities; /* from attributes_settle on */
    char **args, **env;
    bool filtered; /* the filter is in force */
};

/* While /proc is still the host's: oom score, limits, the LSM file. */
int attributes_early(struct attributes *attributes, const struct spec *spec, struct error *error);
/* A process that was made later: its own LSM file. */
int attributes_label_again(struct attributes *attributes, struct error *error);
/* While the process is the host's root: pipes that the user of a pod with a user namespace may open anew. */
void attributes_streams_give(const struct attributes *attributes, const int streams[3]);
/* 0-2 become the container's streams, with its user as their owner; -1: /dev/null. `terminal` stands for all three. */
int attributes_streams(const struct attributes *attributes, const int streams[3], int terminal, struct error *error);
/*
 * All that needs a privilege: from here on the process is no more than the container, but for CAP_SYS_ADMIN where a filter without no_new_privs refuses the waiting
 * itself. No signal but SIGKILL ends it until the exec. Whatever is open above CHANNEL_FD gets closed.
 */
int attributes_settle(struct attributes *attributes, struct error *error);
/* The exec, which closes CHANNEL_FD; returns on failure only. */
int attributes_execute(struct attributes *attributes, struct error *error);

/* capabilities.c */
int capabilities_parse(struct capabilities *capabilities, const struct spec *spec, struct error *error);
int capabilities_bound(const struct capabilities *capabilities, struct error *error);
/* `extra` is permitted and effective besides. */
int capabilities_set(const struct capabilities *capabilities, uint64_t extra, struct error *error);
int capabilities_ambient(const struct capabilities *capabilities, struct error *error);

/* seccomp.c: does nothing without a `seccomp` record. */
/* Whether the filter lets a process wait that has it already: read a descriptor, and go on after a signal. */
bool seccomp_lets_wait(const struct spec *spec);
int seccomp_load(const struct spec *spec, struct error *error);
