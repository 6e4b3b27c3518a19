#include "shim.h"

#include "cgroup.h"
#include "connection.h"
#include "init.h"
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

struct container *containers;

static void (*all_ended)(void);

struct container *container_find(const char *id) {
    for (struct container *c = containers; c != NULL; c = c->next)
        if (strcmp(c->id, id) == 0)
            return c;
    return NULL;
}

bool container_is_over(const struct container *container) {
    return container->state == CONTAINER_ENDING || container->state == CONTAINER_EXITED;
}

const char *container_state_name(const struct container *container) {
    switch (container->state) {
    case CONTAINER_CREATING:
    case CONTAINER_CREATED:
    case CONTAINER_STARTING:
        return "created";
    case CONTAINER_RUNNING:
    case CONTAINER_ENDING:
        return "running";
    case CONTAINER_EXITED:
        return "exited";
    }
    return "";
}

static void container_free(struct container *container) {
    for (struct container **at = &containers; *at != NULL; at = &(*at)->next)
        if (*at == container) {
            *at = container->next;
            break;
        }
    executions_end(container, true);
    timer_stop(&container->timer);
    loop_close(&container->channel);
    streams_close(&container->streams);
    crilog_free(&container->log);
    path_list_free(&container->kill_groups);
    path_list_free(&container->exec_groups);
    oom_forget(container);
    free(container->exit_file);
    free(container->id);
    loop_free(container);
}

/* ---- streams ---- */

static void output_data(struct streams *streams, enum stream stream, const char *data, size_t length) {
    struct container *container = container_of(streams, struct container, streams);
    enum frame_type type = stream == STREAM_OUT ? FRAME_STDOUT : FRAME_STDERR;

    crilog_write(&container->log, stream, data, length);
    for (struct connection *c = connections, *next; c != NULL; c = next) {
        next = c->next;
        if (c->role == ROLE_ATTACH && c->container == container && (stream == STREAM_OUT ? c->want_out : c->want_err))
            connection_send(c, type, data, length);
    }
}

static void output_end(struct streams *streams, enum stream stream) {
    struct container *container = container_of(streams, struct container, streams);

    crilog_end(&container->log, stream);
    if (streams_output_ended(streams))
        container_output_ended(container);
}

void container_throttle(struct container *container) {
    bool full = false;

    for (const struct connection *c = connections; c != NULL; c = c->next)
        if (c->role == ROLE_ATTACH && c->container == container && connection_full(c))
            full = true;
    if (container->state != CONTAINER_CREATING)
        streams_pause(&container->streams, full);
}

static void input_taken(struct streams *streams) {
    const struct container *container = container_of(streams, struct container, streams);

    for (struct connection *c = connections; c != NULL; c = c->next)
        if (c->role == ROLE_ATTACH && c->container == container)
            connection_reading(c, true);
}

void container_input(struct container *container, const char *data, size_t length) {
    streams_write(&container->streams, data, length);
}

void container_input_end(struct container *container) {
    if (container->stdin_once)
        streams_write_end(&container->streams);
}

/* ---- creation ---- */

static char *copy_of(const char *text) {
    return text == NULL ? NULL : strdup(text);
}

static int keep_records(struct container *container, const struct spec *spec, struct error *error) {
    const char *input = spec_value(spec, R_STDIN), *log = spec_value(spec, R_LOG);

    container->exit_file = copy_of(spec_value(spec, R_EXITFILE));
    container->stdin_once = input != NULL && strcmp(input, "once") == 0;
    if (input != NULL && !container->stdin_once && strcmp(input, "open") != 0)
        return fail(error, "stdin", NULL, EINVAL, "neither open nor once but %s", input);
    for (const struct record *r = NULL; (r = spec_next(spec, R_KILLGROUP, r)) != NULL;)
        if (!path_list_add(&container->kill_groups, r->arg[0]))
            return fail(error, "killgroup", r->arg[0], ENOMEM, "no memory");
    if (oom_keep(container, spec, error) < 0)
        return -1;
    return log == NULL ? 0 : crilog_open(&container->log, log, error);
}

/* A new descriptor of the namespace that a `ns KIND WHERE` names; -1 and no errno in `error` for the host's. */
static int ns_find(enum ns_kind kind, const char *where, struct error *error) {
    if (strcmp(where, "host") == 0)
        return -1;
    if (strcmp(where, "pod") == 0) {
        if (pod.state != POD_READY)
            return fail(error, "ns", ns_name(kind), EINVAL, "the pod is not made yet");
        if (pod.namespaces[kind] < 0)
            return -1;
        int fd = fcntl(pod.namespaces[kind], F_DUPFD_CLOEXEC, 3);
        return fd < 0 ? fail(error, "ns", ns_name(kind), errno, "cannot copy a descriptor") : fd;
    }
    if (strncmp(where, "container:", 10) != 0)
        return fail(error, "ns", ns_name(kind), EINVAL, "%s is none of new, pod, host, container:ID", where);
    const struct container *other = container_find(where + 10);
    if (other == NULL || other->child.pid == 0 || other->state == CONTAINER_CREATING)
        return fail(error, "ns", ns_name(kind), ESRCH, "the container %s does not live", where + 10);
    return ns_open(other->child.pid, kind, error);
}

static int ns_plan(struct ns_plan *plan, const struct spec *spec, struct error *error) {
    *plan = (struct ns_plan){.make = CLONE_NEWNS, .join = {-1, -1, -1, -1, -1, -1}};
    for (const struct record *r = NULL; (r = spec_next(spec, R_NS, r)) != NULL;) {
        int kind = ns_kind(r->arg[0]);

        if (kind < 0)
            return fail(error, "ns", r->arg[0], EINVAL, "there is no such kind of namespace");
        if (kind == NS_USER && strcmp(r->arg[1], "host") != 0 && strcmp(r->arg[1], "pod") != 0)
            return fail(error, "ns", r->arg[0], EINVAL, "a container has the pod's user namespace or the host's, not %s", r->arg[1]);
        if (strcmp(r->arg[1], "new") == 0) {
            plan->make |= ns_flag((enum ns_kind)kind);
            continue;
        }
        error->number = 0;
        int fd = ns_find((enum ns_kind)kind, r->arg[1], error);
        if (fd < 0 && error->number != 0)
            return -1;
        if (plan->join[kind] >= 0)
            close(plan->join[kind]);
        plan->join[kind] = fd;
    }
    return 0;
}

static int launch(struct container *container, const struct spec *spec, struct error *error) {
    bool tty = spec_has(spec, R_TTY);
    struct streams_child ends = {-1, -1, -1};
    struct ns_plan plan;
    int channel[2] = {-1, -1}, group = -1;
    int result = -1;

    if (ns_plan(&plan, spec, error) < 0 || cgroup_birthplace(spec, &group, error) < 0)
        goto out;
    if (!tty && streams_pipes(&container->streams, &ends, spec_has(spec, R_STDIN), error) < 0)
        goto out;
    if (channel_open(channel, error) < 0)
        goto out;
    const int keep[] = {ends.in, ends.out, ends.err, plan.join[NS_NET], plan.join[NS_IPC], plan.join[NS_UTS],
            plan.join[NS_CGROUP], plan.join[NS_USER]};
    container->contained = plan.join[NS_USER] >= 0;
    /* A pid namespace that the user namespace shall own is made from within that. */
    const struct spawn how = {.flags = CLONE_NEWNS | (container->contained ? 0 : plan.make & CLONE_NEWPID),
            .pid_namespace = plan.join[NS_PID],
            .cgroup = group,
            .channel = channel[1],
            .keep = keep,
            .keep_count = sizeof keep / sizeof keep[0]};
    plan.make &= ~(uint64_t)CLONE_NEWNS;
    result = spawn(&how, &container->child, error);
    if (result == 0)
        init_run(spec, &plan, &ends);
    if (result > 0) {
        container->channel.fd = channel[0];
        channel[0] = -1;
        loop_watch(&container->channel, EPOLLIN);
        container->pid = container->child.pid;
    }
out:
    if (channel[0] >= 0)
        close(channel[0]);
    if (channel[1] >= 0)
        close(channel[1]);
    if (group >= 0)
        close(group);
    ns_plan_close(&plan);
    streams_child_close(&ends);
    return result;
}

static void start_answer(struct container *container) {
    struct bytes text = {0};

    container->state = CONTAINER_RUNNING;
    container->exit.started = clock_realtime_ns();
    text_pair(&text, "started", container->exit.started);
    if (container->waiter != NULL)
        connection_ok(container->waiter, &text);
    bytes_free(&text);
    container->waiter = NULL;
}

static void created(struct container *container, int terminal) {
    struct bytes text = {0};

    container->state = CONTAINER_CREATED;
    if (terminal >= 0)
        streams_terminal(&container->streams, terminal);
    streams_start(&container->streams);
    text_pair(&text, "pid", container->pid);
    text_pair(&text, "starttime", (int64_t)container->child.start_time);
    if (container->waiter != NULL)
        connection_ok(container->waiter, &text);
    bytes_free(&text);
    container->waiter = NULL;
}

static void channel_event(struct source *source, uint32_t events) {
    struct container *container = container_of(source, struct container, channel);
    struct channel_news news;

    (void)events;
    switch (channel_receive(source->fd, &news, &container->error)) {
    case CHANNEL_NOTHING:
        break;
    case CHANNEL_READY:
        if (container->state == CONTAINER_CREATING) {
            created(container, news.fd);
            news.fd = -1;
        }
        break;
    case CHANNEL_BORN:
        if (container->state != CONTAINER_CREATING)
            break; /* told by whoever traces it */
        container->pid = news.pid;
        /* What was to end meanwhile has killed only the one before it; this one ends with the channel. */
        if (container->deleter != NULL || all_ended != NULL)
            loop_close(source);
        else
            channel_go(source->fd);
        spawn_adopt(&container->child, news.pid);
        break;
    case CHANNEL_ERROR:
        container->failed = true; /* told once the child has been reaped and its groups are empty */
        break;
    case CHANNEL_CLOSED:
        loop_close(source);
        /* The exec has closed it, unless the process ended: then its exit comes at once. */
        if (container->state == CONTAINER_STARTING && !container->failed)
            start_answer(container);
        break;
    }
    if (news.fd >= 0)
        close(news.fd);
}

void container_create(struct connection *connection, struct spec *spec) {
    const char *id = spec_value(spec, R_ID);
    struct error error = {0};

    if (id == NULL || container_find(id) != NULL) {
        fail(&error, "id", id, id == NULL ? EINVAL : EEXIST, "container");
        connection_error(connection, &error);
        return;
    }
    struct container *container = calloc(1, sizeof *container);
    if (container == NULL || (container->id = strdup(id)) == NULL) {
        free(container);
        fail(&error, "create", NULL, ENOMEM, "no memory");
        connection_error(connection, &error);
        return;
    }
    container->log.fd = -1;
    container->channel = (struct source){.fd = -1, .ready = channel_event};
    container->child.exited = container_exited;
    streams_init(&container->streams);
    container->streams.data = output_data;
    container->streams.ended = output_end;
    container->streams.taken = input_taken;
    container->next = containers;
    containers = container;
    if (keep_records(container, spec, &error) < 0 || launch(container, spec, &error) < 0) {
        container_free(container);
        connection_error(connection, &error);
        return;
    }
    container->waiter = connection;
    connection->role = ROLE_REQUEST;
}

/* ---- requests ---- */

void container_start(struct connection *connection, struct container *container) {
    struct error error;

    if (container->state != CONTAINER_CREATED || container->waiter != NULL) {
        fail(&error, "start", container->id, container_is_over(container) ? ESRCH : EINVAL, "the container is %s",
                container_state_name(container));
        connection_error(connection, &error);
        return;
    }
    container->state = CONTAINER_STARTING;
    container->waiter = connection;
    connection->role = ROLE_REQUEST;
    channel_go(container->channel.fd); /* a child that has died is told of by its exit */
}

void container_kill(struct connection *connection, struct container *container, int signal, bool all) {
    struct error error;

    if (container_is_over(container) || container->child.pid == 0) {
        fail(&error, "kill", container->id, ESRCH, "the container has exited");
        connection_error(connection, &error);
        return;
    }
    /* Before its exec init is the shim's own code, which no signal but this one ends. */
    if (container->state != CONTAINER_RUNNING && signal != 0)
        signal = SIGKILL;
    if (kill(container->child.pid, signal) < 0) {
        fail(&error, "kill", container->id, errno, "cannot send signal %d", signal);
        connection_error(connection, &error);
        return;
    }
    for (size_t i = 0; all && i < container->kill_groups.count; i++) {
        if (signal == SIGKILL)
            cgroup_kill(container->kill_groups.paths[i]);
        else
            cgroup_signal(container->kill_groups.paths[i], signal);
    }
    connection_ok(connection, NULL);
}

void container_delete(struct connection *connection, struct container *container) {
    struct error error;

    if (container->state == CONTAINER_EXITED) {
        container_free(container);
        connection_ok(connection, NULL);
        return;
    }
    if ((container->state != CONTAINER_CREATED && container->state != CONTAINER_CREATING) || container->deleter != NULL) {
        fail(&error, "delete", container->id, EBUSY, "the container is %s", container_state_name(container));
        connection_error(connection, &error);
        return;
    }
    container->deleter = connection;
    connection->role = ROLE_REQUEST;
    kill(container->child.pid, SIGKILL);
}

void container_exit_fields(const struct container *container, struct bytes *text) {
    text_add(text, "id");
    text_add(text, container->id);
    text_pair(text, "code", container->exit.code);
    text_pair(text, "signal", container->exit.signal);
    text_pair(text, "oom", container->exit.oom);
    text_pair(text, "started", container->exit.started);
    text_pair(text, "finished", container->exit.finished);
}

void container_forget_connection(const struct connection *connection) {
    for (struct container *c = containers; c != NULL; c = c->next) {
        if (c->waiter == connection)
            c->waiter = NULL;
        if (c->deleter == connection)
            c->deleter = NULL;
    }
}

/* ---- the end of all ---- */

void containers_end(void (*done)(void)) {
    bool living = false;

    all_ended = done;
    for (struct container *c = containers; c != NULL; c = c->next)
        if (c->state != CONTAINER_EXITED) {
            living = true;
            if (c->child.pid > 0)
                kill(c->child.pid, SIGKILL);
        }
    if (!living && !executions_any()) {
        all_ended = NULL;
        done();
    }
}

void container_gone(struct container *container) {
    container_free(container);
    containers_check();
}

void containers_check(void) {
    if (all_ended == NULL)
        return;
    for (const struct container *c = containers; c != NULL; c = c->next)
        if (c->state != CONTAINER_EXITED)
            return;
    if (executions_any())
        return;
    void (*done)(void) = all_ended;
    all_ended = NULL;
    done();
}
