#include "cgroup.h"
#include "connection.h"
#include "kernel.h"
#include "podinit.h"
#include "shim.h"
#include "userns.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

struct pod pod = {.namespaces = {-1, -1, -1, -1, -1, -1}, .channel = {.fd = -1}};

static void (*pod_ended)(void);

/* Of a pod with a user namespace: does what the one born into that may not. */
static struct {
    struct child child;
    struct source channel;
    bool done;
} equipper = {.channel = {.fd = -1}};

static uint64_t namespaces_made;

void pod_forget_connection(const struct connection *connection) {
    if (pod.waiter == connection)
        pod.waiter = NULL;
}

/* The folder was given empty and unmounted, so a tmpfs root there is what the failed child mounted. */
static void unmount_if(const char *path, long magic) {
    struct statfs system;
    char parent[PATH_MAX];
    struct stat here, above;

    if (path == NULL || statfs(path, &system) < 0 || system.f_type != magic)
        return;
    snprintf(parent, sizeof parent, "%s/..", path);
    if (magic == NSFS_MAGIC || (stat(path, &here) == 0 && stat(parent, &above) == 0 && here.st_dev != above.st_dev))
        umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
}

static void failed(void) {
    if (pod.child.pid != 0 || equipper.child.pid != 0)
        return; /* once both are gone */
    unmount_if(pod.netns, NSFS_MAGIC);
    unmount_if(pod.shm, 0x01021994 /* TMPFS_MAGIC */);
    for (int kind = 0; kind < NS_KINDS; kind++)
        if (pod.namespaces[kind] >= 0) {
            close(pod.namespaces[kind]);
            pod.namespaces[kind] = -1;
        }
    free(pod.netns);
    free(pod.shm);
    pod.netns = pod.shm = NULL;
    pod.state = POD_NONE;
    if (pod.waiter != NULL)
        connection_error(pod.waiter, &pod.error);
    pod.waiter = NULL;
}

static void ready(void) {
    struct bytes text = {0};

    pod.state = POD_READY;
    text_pair(&text, "pid", pod.has_init ? pod.child.pid : 0);
    text_pair(&text, "starttime", pod.has_init ? (int64_t)pod.child.start_time : 0);
    if (pod.waiter != NULL)
        connection_ok(pod.waiter, &text);
    bytes_free(&text);
    pod.waiter = NULL;
}

static int namespaces_open(uint64_t made) {
    for (int kind = 0; kind < NS_KINDS; kind++)
        if ((made & ns_flag((enum ns_kind)kind)) != 0) {
            pod.namespaces[kind] = ns_open(pod.child.pid, (enum ns_kind)kind, &pod.error);
            if (pod.namespaces[kind] < 0)
                return -1;
        }
    return 0;
}

static void channel_event(struct source *source, uint32_t events) {
    struct channel_news news;

    (void)events;
    switch (channel_receive(source->fd, &news, &pod.error)) {
    case CHANNEL_NOTHING:
    case CHANNEL_BORN:
        break;
    case CHANNEL_READY:
        if (pod.namespaces[NS_USER] < 0 && namespaces_open(namespaces_made) < 0) {
            kill(pod.child.pid, SIGKILL); /* its exit answers */
            break;
        }
        channel_go(source->fd);
        loop_close(source);
        ready();
        break;
    case CHANNEL_ERROR:
        break;
    case CHANNEL_CLOSED:
        loop_close(source);
        break;
    }
    if (news.fd >= 0)
        close(news.fd);
}

static void equipper_event(struct source *source, uint32_t events) {
    struct channel_news news;

    (void)events;
    switch (channel_receive(source->fd, &news, &pod.error)) {
    case CHANNEL_NOTHING:
    case CHANNEL_BORN:
    case CHANNEL_ERROR:
        break;
    case CHANNEL_READY:
        equipper.done = true;
        break;
    case CHANNEL_CLOSED:
        loop_close(source);
        break;
    }
    if (news.fd >= 0)
        close(news.fd);
}

static void equipper_exited(struct child *child, int status) {
    while (equipper.channel.fd >= 0)
        equipper_event(&equipper.channel, 0);
    child->pid = 0;
    if (equipper.done && pod.child.pid != 0) {
        channel_go(pod.channel.fd);
        return;
    }
    if (pod.error.number == 0)
        fail(&pod.error, "pod", NULL, ECHILD, "the process that equips the pod ended with code %d", status_code(status));
    if (pod.child.pid != 0)
        kill(pod.child.pid, SIGKILL); /* its exit answers */
    else
        failed();
}

static void exited(struct child *child, int status) {
    if (pod.channel.fd >= 0)
        channel_event(&pod.channel, 0);
    loop_close(&pod.channel);
    child->pid = 0;
    if (pod.state == POD_STARTING) {
        if (pod.error.number == 0)
            fail(&pod.error, "pod", NULL, ECHILD, "the process that makes the pod ended with code %d", status_code(status));
        failed();
    } else if (pod.has_init && pod_ended == NULL)
        note("the pod's init was ended by signal %d", status_signal(status));
    if (pod_ended != NULL)
        pod_ended();
}

static int flags_of(const struct spec *spec, uint64_t *flags, struct error *error) {
    *flags = 0;
    for (const struct record *r = NULL; (r = spec_next(spec, R_NS, r)) != NULL;) {
        int kind = ns_kind(r->arg[0]);

        if (kind < 0 || kind == NS_CGROUP)
            return fail(error, "ns", r->arg[0], EINVAL, "a pod has no such namespace");
        *flags |= ns_flag((enum ns_kind)kind);
    }
    return 0;
}

/* Makes a child and watches its channel. 0 in the child, 1 in the shim, -1. */
static int child_make(struct spawn *how, struct child *child, struct source *channel, struct error *error) {
    int ends[2];

    if (channel_open(ends, error) < 0)
        return -1;
    how->channel = ends[1];
    int result = spawn(how, child, error);
    if (result == 0)
        return 0;
    close(ends[1]);
    if (result < 0) {
        close(ends[0]);
        return -1;
    }
    channel->fd = ends[0];
    loop_watch(channel, EPOLLIN);
    return 1;
}

static int equip(const struct spec *spec, struct error *error) {
    if (userns_maps_write(pod.child.pid, error) < 0 || namespaces_open(namespaces_made) < 0)
        return -1;
    const struct ns_plan plan = {.join = {-1, pod.namespaces[NS_NET], pod.namespaces[NS_IPC], pod.namespaces[NS_UTS], -1, -1}};
    struct spawn how = {.pid_namespace = -1, .cgroup = -1, .keep = plan.join, .keep_count = NS_KINDS};
    equipper.channel.ready = equipper_event;
    equipper.child.exited = equipper_exited;
    equipper.done = false;
    int result = child_make(&how, &equipper.child, &equipper.channel, error);
    if (result == 0)
        podinit_equip(spec, &plan);
    return result < 0 ? -1 : 0;
}

static int launch(const struct spec *spec, struct error *error) {
    int group = -1;

    if (flags_of(spec, &namespaces_made, error) < 0 || userns_maps_take(spec, error) < 0
            || cgroup_birthplace(spec, &group, error) < 0)
        return -1;
    pod.has_init = (namespaces_made & CLONE_NEWPID) != 0;
    bool contained = (namespaces_made & CLONE_NEWUSER) != 0;
    struct spawn how = {.flags = namespaces_made, .pid_namespace = -1, .cgroup = pod.has_init ? group : -1};
    int result = child_make(&how, &pod.child, &pod.channel, error);
    if (result == 0 && contained)
        podinit_hold(spec, pod.has_init);
    if (result == 0)
        podinit_run(spec, pod.has_init);
    if (group >= 0)
        close(group);
    if (result < 0)
        return -1;
    if (contained && equip(spec, error) < 0)
        kill(pod.child.pid, SIGKILL); /* its exit answers */
    return 0;
}

void pod_create(struct connection *connection, struct spec *spec) {
    const char *netns = spec_value(spec, R_NETNS), *shm = spec_value(spec, R_SHM);
    struct error error = {0};

    if (pod.state != POD_NONE) {
        fail(&error, "pod", spec_value(spec, R_ID), EEXIST, "this shim has its pod");
        connection_error(connection, &error);
        return;
    }
    pod.error = (struct error){0};
    pod.channel.ready = channel_event;
    pod.child.exited = exited;
    pod.netns = netns == NULL ? NULL : strdup(netns);
    pod.shm = shm == NULL ? NULL : strdup(shm);
    pod.state = POD_STARTING;
    pod.waiter = connection;
    connection->role = ROLE_REQUEST;
    if (launch(spec, &pod.error) < 0)
        failed();
}

void pod_end(void (*done)(void)) {
    if (pod.child.pid == 0) {
        done();
        return;
    }
    pod_ended = done;
    kill(pod.child.pid, SIGKILL);
}
