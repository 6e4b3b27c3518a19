/* Making children, knowing them again when they end, and talking with one that is still setting itself up. */
#pragma once

#include "error.h"
#include "loop.h"

#include <sys/types.h>

/* A process that the shim waits for. */
struct child {
    pid_t pid; /* 0: none, or reaped */
    uint64_t start_time; /* field 22 of /proc/PID/stat */
    struct child *next;
    void (*exited)(struct child *child, int status); /* as of wait(2); the pid is still set */
};

/* Where every child has its channel. The shim keeps this number occupied, so that it is none of the descriptors that a child inherits. */
#define CHANNEL_FD 3

struct spawn {
    uint64_t flags; /* CLONE_NEW* */
    int pid_namespace; /* to be born into, or -1 */
    int cgroup; /* a v2 group to be born into, or -1 */
    int channel; /* the child's end of its channel, which becomes CHANNEL_FD there; or -1 */
    const int *keep; /* descriptors that the child keeps beside 0-2 */
    size_t keep_count;
};

/* Occupies CHANNEL_FD; before any other descriptor is opened. */
int channel_reserve(struct error *error);
/* Field 22 of /proc/PID/stat; 0 when there is no such process. */
uint64_t process_start_time(pid_t pid);
/* Remembers the shim's own pid namespace and starts to watch SIGCHLD. */
int spawn_open(struct error *error);
/* Returns 0 in the child, which has the kept descriptors only, an open signal mask and a umask of 0; 1 in the shim; -1. */
int spawn(const struct spawn *spawn, struct child *child, struct error *error);
/* The child has left another in its place, and ends. Its `exited` is called for that one only. */
void spawn_adopt(struct child *child, pid_t pid);
/* 128 + signal, or the exit code. */
int status_code(int status);
int status_signal(int status);

/* A channel is a pair of sequential-packet sockets: the shim's end at [0], non-blocking, the child's at [1]. */
int channel_open(int channel[2], struct error *error);

/* The child's side, by CHANNEL_FD. A blocking write; `fd` goes along when it is not -1. */
void channel_ready(int fd);
void channel_error(const struct error *error);
void channel_born(pid_t pid);
/* Waits for the shim's word to go on. False when the shim is gone. */
bool channel_await(void);

/* The shim's side. */
enum channel_message { CHANNEL_NOTHING, CHANNEL_READY, CHANNEL_ERROR, CHANNEL_BORN, CHANNEL_CLOSED };
struct channel_news {
    int fd; /* that came along, or -1 */
    pid_t pid; /* of CHANNEL_BORN */
};
enum channel_message channel_receive(int channel, struct channel_news *news, struct error *error);
bool channel_go(int channel);
