/* Which namespaces a container lives in. */
#pragma once

#include "error.h"
#include "records.h"

#include <stdbool.h>
#include <sys/types.h>

enum ns_kind { NS_PID, NS_NET, NS_IPC, NS_UTS, NS_CGROUP, NS_USER, NS_KINDS };

/* -1 when there is no kind of that name. */
int ns_kind(const char *name);
const char *ns_name(enum ns_kind kind);
uint64_t ns_flag(enum ns_kind kind);

/* What CREATE does about each kind. */
struct ns_plan {
    int join[NS_KINDS]; /* a descriptor to enter, or -1 */
    uint64_t make; /* CLONE_NEW* */
};

/* Opens /proc/PID/ns/KIND. */
int ns_open(pid_t pid, enum ns_kind kind, struct error *error);
void ns_plan_close(struct ns_plan *plan);
/* Is it the host's? */
bool ns_plan_host(const struct ns_plan *plan, enum ns_kind kind);
/* In the child: enters the net, ipc, uts and cgroup namespaces. */
int ns_plan_enter(const struct ns_plan *plan, struct error *error);
/*
 * In the child: makes what is new, but for a pid namespace, which a process can only be born into. With a user namespace that is entered first, so that it owns
 * what is made: a mount namespace in any case. A pid namespace then means a new process in place of this one, which the shim adopts.
 */
int ns_plan_make(const struct ns_plan *plan, struct error *error);
