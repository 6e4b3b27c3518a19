#include "namespaces.h"

#include "kernel.h"
#include "spawn.h"
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    uint64_t flag;
} kinds[NS_KINDS] = {
        [NS_PID] = {"pid", CLONE_NEWPID},
        [NS_NET] = {"net", CLONE_NEWNET},
        [NS_IPC] = {"ipc", CLONE_NEWIPC},
        [NS_UTS] = {"uts", CLONE_NEWUTS},
        [NS_CGROUP] = {"cgroup", CLONE_NEWCGROUP},
        [NS_USER] = {"user", CLONE_NEWUSER},
};

int ns_kind(const char *name) {
    for (int kind = 0; kind < NS_KINDS; kind++)
        if (strcmp(kinds[kind].name, name) == 0)
            return kind;
    return -1;
}

const char *ns_name(enum ns_kind kind) {
    return kinds[kind].name;
}

uint64_t ns_flag(enum ns_kind kind) {
    return kinds[kind].flag;
}

int ns_open(pid_t pid, enum ns_kind kind, struct error *error) {
    char path[40];

    snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, kinds[kind].name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? fail(error, "ns", path, errno, "cannot open the namespace") : fd;
}

void ns_plan_close(struct ns_plan *plan) {
    for (int kind = 0; kind < NS_KINDS; kind++)
        if (plan->join[kind] >= 0) {
            close(plan->join[kind]);
            plan->join[kind] = -1;
        }
}

bool ns_plan_host(const struct ns_plan *plan, enum ns_kind kind) {
    return plan->join[kind] < 0 && (plan->make & kinds[kind].flag) == 0;
}

int ns_plan_enter(const struct ns_plan *plan, struct error *error) {
    for (int kind = NS_NET; kind <= NS_CGROUP; kind++)
        if (plan->join[kind] >= 0 && setns(plan->join[kind], (int)kinds[kind].flag) < 0)
            return fail(error, "ns", kinds[kind].name, errno, "cannot enter the namespace");
    return 0;
}

/* The new process goes on in this one's place, as a child of the shim. */
static int reborn(uint64_t make, struct error *error) {
    struct clone3_args args = {.flags = make | CLONE_PARENT};
    pid_t pid = sys_clone3(&args);

    if (pid < 0)
        return fail(error, "clone", NULL, errno, "cannot make a process in the pod's user namespace");
    if (pid > 0) {
        channel_born(pid);
        _exit(0);
    }
    if (!channel_await()) /* until it is known to the shim */
        _exit(125);
    return setsid() < 0 ? fail(error, "init", NULL, errno, "setsid") : 0;
}

int ns_plan_make(const struct ns_plan *plan, struct error *error) {
    uint64_t make = plan->make;

    if (plan->join[NS_USER] < 0) {
        make &= ~(uint64_t)CLONE_NEWPID;
        return make != 0 && unshare((int)make) < 0 ? fail(error, "ns", NULL, errno, "cannot make new namespaces") : 0;
    }
    make |= CLONE_NEWNS;
    if (setns(plan->join[NS_USER], CLONE_NEWUSER) < 0)
        return fail(error, "ns", "user", errno, "cannot enter the namespace");
    if ((make & CLONE_NEWPID) != 0) {
        if (reborn(make, error) < 0)
            return -1;
    } else if (unshare((int)make) < 0)
        return fail(error, "ns", NULL, errno, "cannot make new namespaces");
    return userns_become_root(error);
}
