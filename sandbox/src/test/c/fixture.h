/* A pod of the real shim with throw-away folders, and containers from the probe. */
#pragma once

#include "check.h"
#include "client.h"

#include <sys/types.h>

enum { HELLO = 1, POD, CREATE, START, KILL, DELETE, EXEC, ATTACH, WAIT, EVENTS, STATE, REOPEN_LOG, SHUTDOWN, HOLD, SIZE };
enum { STDIN = 32, STDIN_EOF, RESIZE, OK = 64, ERROR, EXIT, STDOUT, STDERR };

struct pod {
    char run[256]; /* the pod's run folder, below it all others */
    pid_t shim;
    pid_t init; /* 0 without a pid namespace */
    bool mounted; /* POD was asked: netns and shm are to be unmounted */
};

/* Where the shim and the probe are; set once by main. */
extern const char *shim_binary;
extern const char *probe_binary;
extern char scratch[200];

void scratch_make(void);
/* Removes it; true when nothing was left mounted there and no shim had anything to say of a sanitizer. */
bool scratch_remove(void);

/* Starts a shim; with `make` also its pod, with net, ipc, uts and, if `pid`, pid namespaces. False on failure. */
bool pod_start(struct pod *pod, bool make, bool pid);
/* SHUTDOWN, waits for the process's end, unmounts. */
bool pod_stop(struct pod *pod);
/* Kills what a failed test left of its pods. */
void pods_abandon(void);
bool process_lives(pid_t pid);
/* Waits until it has gone, at most 10 s. */
bool process_ends(pid_t pid);

/* "RUN/name" in one of a few rotating buffers. */
const char *in_run(const struct pod *pod, const char *name);
/* The content of a file, "" if there is none; in a buffer of its own, valid until the next call. */
const char *content(const char *path);
void write_file(const char *path, const char *text);

/*
 * CREATE records for a container: its files, namespaces of the pod, usual mounts, PATH and all capabilities that the tests need. The caller adds `arg` and what
 * else it tests.
 */
void container_records(struct message *message, const struct pod *pod, const char *id, bool tty);
/* Only what a process needs, for EXEC. */
void process_records(struct message *message, const char *id);
/* Creates and starts a container that runs the probe with these verbs. */
bool container_run(const struct pod *pod, const char *id, ...) __attribute__((sentinel));
/* START; the answer is checked. */
bool container_start(const struct pod *pod, const char *id);
/* WAIT; the exit code, or -1. */
int container_wait(const struct pod *pod, const char *id);
bool container_remove(const struct pod *pod, const char *id);
/* The log without its times and streams: text alone, a P record without newline. Valid until the next call. */
const char *log_text(const struct pod *pod, const char *id);
const char *log_path(const struct pod *pod, const char *id);

/* Runs the probe by EXEC. */
void exec_probe(const struct pod *pod, const char *id, struct session *session, ...) __attribute__((sentinel));

/* A cgroup for a test below the machine's hierarchy of one controller, e.g. "memory", or "unified". "" where there is none. */
const char *cgroup_make(const char *hierarchy, const char *name);
void cgroup_remove(const char *path);
