/* The state of the one pod that this process serves, and what each part offers the others. */
#pragma once

#include "crilog.h"
#include "files.h"
#include "frames.h"
#include "namespaces.h"
#include "records.h"
#include "spawn.h"
#include "streams.h"

#include <stdbool.h>
#include <stdint.h>

struct connection;
struct execution;

/* ---- pod.c ---- */

enum pod_state { POD_NONE, POD_STARTING, POD_READY, POD_FAILED };

struct pod {
    enum pod_state state;
    int namespaces[NS_KINDS]; /* -1: the host's */
    struct child child; /* its init; until the pod is ready the process that sets it up */
    struct source channel;
    bool has_init;
    char *netns; /* what a failure unmounts */
    char *shm;
    struct connection *waiter;
    struct error error;
};

extern struct pod pod;

void pod_create(struct connection *connection, struct spec *spec);
/* Kills the pod's init; `done` is called once it has gone, at once if there is none. */
void pod_end(void (*done)(void));
void pod_forget_connection(const struct connection *connection);

/* ---- container.c ---- */

enum container_state {
    CONTAINER_CREATING, /* the child sets itself up */
    CONTAINER_CREATED, /* it waits for START */
    CONTAINER_STARTING,
    CONTAINER_RUNNING,
    CONTAINER_ENDING, /* init has exited: steps 2 to 5 of the protocol's "Exit of a container" */
    CONTAINER_EXITED,
};

/* The first of a container counts for it alone, the others for the whole pod. */
struct oom_source {
    char *path;
    char *key;
    uint64_t before; /* of the others: beyond what is known of the pod's other containers */
    bool counted;
};

struct exit_record {
    int code;
    int signal;
    bool oom;
    int64_t started; /* ns since the epoch; 0: never */
    int64_t finished;
};

struct container {
    struct container *next;
    char *id;
    enum container_state state;
    struct child child;
    pid_t pid; /* stays after the exit */
    struct source channel;
    struct streams streams;
    struct crilog log;
    bool contained; /* in the pod's user namespace */
    bool stdin_once;
    bool stdin_used; /* the first client of a `once` has come */
    char *exit_file;
    struct path_list kill_groups;
    struct path_list exec_groups; /* left over by execs whose children live on */
    struct oom_source *ooms;
    size_t oom_count;
    uint64_t oom_kills; /* as far as it is known */
    struct exit_record exit;
    struct connection *waiter; /* of CREATE or START */
    struct connection *deleter;
    struct error error; /* why CREATE or START failed */
    bool failed;
    struct timer timer; /* of the kill groups, then of the drain */
    int64_t kill_deadline;
    int64_t kill_pause;
    bool draining;
    bool never_created; /* it ended before CREATE could answer OK */
    unsigned exec_number;
};

extern struct container *containers;

void container_create(struct connection *connection, struct spec *spec);
void container_start(struct connection *connection, struct container *container);
void container_kill(struct connection *connection, struct container *container, int signal, bool all);
void container_delete(struct connection *connection, struct container *container);
struct container *container_find(const char *id);
bool container_is_over(const struct container *container);
const char *container_state_name(const struct container *container);
/* The fields of EXIT. */
void container_exit_fields(const struct container *container, struct bytes *text);
/* An attached client came, went, or takes no more for now: who may be read on? */
void container_throttle(struct container *container);
void container_input(struct container *container, const char *data, size_t length);
void container_input_end(struct container *container);
void container_forget_connection(const struct connection *connection);
/* SIGKILL to all; `done` is called once every one has exited. */
void containers_end(void (*done)(void));
/* One of them has ended: perhaps the last. */
void containers_check(void);
/* Forgets a container that never came to life, or whose deletion was asked for. */
void container_gone(struct container *container);

/* ---- ending.c: from the exit of init to the EXIT frames ---- */

void container_exited(struct child *child, int status);
void container_output_ended(struct container *container);

/* ---- oom.c ---- */

int oom_keep(struct container *container, const struct spec *spec, struct error *error);
/* At its exit: counts, and tells by its exit record. */
void oom_read(struct container *container);
/* It is about to be freed. */
void oom_forget(struct container *container);

/* ---- hold.c ---- */

struct hold;

/* Makes a process that stays until the connection closes. */
void hold_create(struct connection *connection);
void hold_end(struct hold *hold);

/* ---- exec.c ---- */

extern struct execution *executions;

void execution_create(struct connection *connection, struct spec *spec);
/* Frames of the session's client, and its leaving. */
void execution_input(struct execution *execution, const char *data, size_t length);
void execution_input_end(struct execution *execution);
/* NULL when it has exited. */
struct execution *execution_find(const struct container *container, pid_t pid);
void execution_resize(struct execution *execution, unsigned width, unsigned height);
bool execution_input_full(const struct execution *execution);
void execution_throttle(struct execution *execution, bool pause);
void execution_hang_up(struct execution *execution);
/* The container has ended: its execs get SIGKILL. With `forget` it is about to be freed. */
void executions_end(const struct container *container, bool forget);
bool executions_any(void);
/* Removes the groups of its execs, which hold at most processes that have ended. */
void executions_groups_remove(const struct container *container);

/* ---- requests.c ---- */

/* A complete frame from a greeted client. False when the connection was closed. */
bool request_take(struct connection *connection, unsigned type, char **payload, uint32_t length);
void requests_forget_connection(const struct connection *connection);

/* ---- main.c ---- */

/* Removes the socket and ends the loop. */
void shim_exit(void);
