#include "namespaces.h"

#include "kernel.h"

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

int ns_plan_enter(const struct ns_plan *plan, struct error *error) {
    for (int kind = NS_NET; kind < NS_KINDS; kind++)
        if (plan->join[kind] >= 0 && setns(plan->join[kind], (int)kinds[kind].flag) < 0)
            return fail(error, "ns", kinds[kind].name, errno, "cannot enter the namespace");
    uint64_t make = plan->make & ~(uint64_t)CLONE_NEWPID;
    if (make != 0 && unshare((int)make) < 0)
        return fail(error, "ns", NULL, errno, "cannot make new namespaces");
    return 0;
}
