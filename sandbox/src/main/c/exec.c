#include "attributes.h"
#include "cgroup.h"
#include "connection.h"
#include "kernel.h"
#include "shim.h"
#include "terminal.h"
#include "tree.h"
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#define DRAIN_MS 500
#define KILL_PAUSE_MS 5
#define KILL_LIMIT_MS 10000

struct execution {
    struct execution *next;
    struct child child;
    struct source channel;
    struct streams streams;
    struct connection *session; /* NULL once the client has gone */
    struct container *container; /* NULL once it is forgotten */
    char id[132];
    char *group; /* the exec-N group, or NULL */
    bool started; /* the exec succeeded and OK was sent */
    bool failed;
    bool exited;
    bool timed_out;
    bool drained; /* no more output is waited for */
    bool throttled;
    int64_t drain_ms;
    int64_t kill_deadline;
    struct timer timeout; /* then: until the tree is dead */
    struct timer drain;
    struct exit_record exit;
    struct error error;
};

struct execution *executions;

/* ---- the child ---- */

/* What the child enters of the container. */
struct exec_entry {
    int init; /* a pidfd */
    int namespaces;
    const char *group_v1;
};

static int enter(const struct spec *spec, const struct exec_entry *entry, const struct streams_child *streams,
        struct attributes *attributes, struct error *error) {
    const int pipes[3] = {streams->in, streams->out, streams->err};
    int master = -1, slave = -1;

    if (setsid() < 0)
        return fail(error, "exec", NULL, errno, "setsid");
    if (cgroup_join(spec, error) < 0 || (entry->group_v1 != NULL && cgroup_join_v1(entry->group_v1, error) < 0)
            || attributes_early(attributes, spec, error) < 0)
        return -1;
    attributes_streams_give(attributes, pipes);
    if (setns(entry->init, entry->namespaces) < 0)
        return fail(error, "exec", NULL, errno, "cannot enter the container's namespaces");
    if ((entry->namespaces & CLONE_NEWUSER) != 0 && userns_become_root(error) < 0)
        return -1;
    if (spec_has(spec, R_TTY)) {
        int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (root < 0)
            return fail(error, "exec", "/", errno, "cannot open the root");
        if (terminal_open(root, &master, &slave, error) < 0 || terminal_adopt(spec, slave, error) < 0)
            return -1;
    }
    if (attributes_streams(attributes, pipes, slave, error) < 0)
        return -1;
    channel_ready(master);
    return 0;
}

_Noreturn static void exec_run(
        const struct spec *spec, const struct exec_entry *entry, const struct streams_child *streams) {
    struct attributes attributes;
    struct error error = {0};

    if (enter(spec, entry, streams, &attributes, &error) == 0 && attributes_settle(&attributes, &error) == 0)
        attributes_execute(&attributes, &error);
    channel_error(&error);
    _exit(127);
}

/* ---- the end ---- */

static void execution_free(struct execution *execution) {
    for (struct execution **at = &executions; *at != NULL; at = &(*at)->next)
        if (*at == execution) {
            *at = execution->next;
            break;
        }
    timer_stop(&execution->timeout);
    timer_stop(&execution->drain);
    loop_close(&execution->channel);
    streams_close(&execution->streams);
    /* What the command left running in its group keeps the folder; it goes with the container. */
    if (execution->group != NULL && rmdir(execution->group) < 0 && errno == EBUSY && execution->container != NULL)
        path_list_add(&execution->container->exec_groups, execution->group);
    free(execution->group);
    loop_free(execution);
    containers_check();
}

static void exit_answer(struct execution *execution) {
    struct bytes text = {0};

    text_add(&text, "id");
    text_add(&text, execution->id);
    text_pair(&text, "code", execution->exit.code);
    text_pair(&text, "signal", execution->exit.signal);
    text_pair(&text, "oom", 0);
    if (execution->timed_out)
        text_pair(&text, "timeout", 1);
    text_pair(&text, "started", execution->exit.started);
    text_pair(&text, "finished", execution->exit.finished);
    connection_exit(execution->session, &text);
}

/* Ends the session once the process has been reaped, its output is done with, and after a timeout its tree is dead. */
static void check(struct execution *execution) {
    if (!execution->exited || !execution->drained || (execution->timed_out && execution->timeout.armed))
        return;
    if (execution->session != NULL) {
        if (execution->started)
            exit_answer(execution);
        else {
            if (!execution->failed)
                fail(&execution->error, "exec", NULL, ECHILD, "the process ended with status %d before its exec",
                        execution->exit.code);
            connection_error(execution->session, &execution->error);
        }
    }
    execution_free(execution);
}

static void tree_kill(struct execution *execution) {
    bool dead = true;

    if (execution->group != NULL)
        dead = cgroup_kill(execution->group);
    else if (execution->child.pid > 0)
        tree_signal_all(execution->child.pid);
    if (execution->child.pid > 0)
        kill(execution->child.pid, SIGKILL);
    if (!dead && clock_monotonic_ms() < execution->kill_deadline)
        timer_start(&execution->timeout, KILL_PAUSE_MS);
    else
        check(execution);
}

static void timeout_expired(struct timer *timer) {
    struct execution *execution = container_of(timer, struct execution, timeout);

    if (!execution->timed_out) {
        execution->timed_out = true;
        execution->kill_deadline = clock_monotonic_ms() + KILL_LIMIT_MS;
    }
    tree_kill(execution);
}

static void drain_expired(struct timer *timer) {
    struct execution *execution = container_of(timer, struct execution, drain);

    /* A client that is slow to read is not a process that holds the pipe: all that was written is still delivered. */
    if (execution->throttled) {
        timer_start(&execution->drain, execution->drain_ms);
        return;
    }
    execution->drained = true;
    streams_output_finish(&execution->streams, 1 << 20);
    check(execution);
}

static void channel_drain(struct execution *execution);

static void exited(struct child *child, int status) {
    struct execution *execution = container_of(child, struct execution, child);

    channel_drain(execution);
    child->pid = 0;
    execution->exited = true;
    execution->exit.finished = clock_realtime_ns();
    execution->exit.code = execution->timed_out ? 128 + SIGKILL : status_code(status);
    execution->exit.signal = execution->timed_out ? SIGKILL : status_signal(status);
    if (!execution->timed_out)
        timer_stop(&execution->timeout);
    if (streams_output_ended(&execution->streams) || !execution->started)
        execution->drained = true;
    else
        timer_start(&execution->drain, execution->drain_ms);
    check(execution);
}

/* ---- streams ---- */

static void output_data(struct streams *streams, enum stream stream, const char *data, size_t length) {
    struct execution *execution = container_of(streams, struct execution, streams);

    if (execution->session != NULL)
        connection_send(execution->session, stream == STREAM_OUT ? FRAME_STDOUT : FRAME_STDERR, data, length);
}

static void output_end(struct streams *streams, enum stream stream) {
    struct execution *execution = container_of(streams, struct execution, streams);

    (void)stream;
    if (execution->drained || !streams_output_ended(streams))
        return;
    timer_stop(&execution->drain);
    execution->drained = true;
    check(execution);
}

static void input_taken(struct streams *streams) {
    const struct execution *execution = container_of(streams, struct execution, streams);

    if (execution->session != NULL)
        connection_reading(execution->session, true);
}

void execution_input(struct execution *execution, const char *data, size_t length) {
    streams_write(&execution->streams, data, length);
}

void execution_input_end(struct execution *execution) {
    streams_write_end(&execution->streams);
}

struct execution *execution_find(const struct container *container, pid_t pid) {
    for (struct execution *e = executions; e != NULL; e = e->next)
        if (e->container == container && e->child.pid == pid)
            return e;
    return NULL;
}

void execution_resize(struct execution *execution, unsigned width, unsigned height) {
    streams_resize(&execution->streams, width, height);
}

bool execution_input_full(const struct execution *execution) {
    return streams_input_full(&execution->streams);
}

void execution_throttle(struct execution *execution, bool pause) {
    execution->throttled = pause;
    if (execution->started)
        streams_pause(&execution->streams, pause);
}

void execution_hang_up(struct execution *execution) {
    execution->session = NULL;
    execution->drained = true;
    timer_stop(&execution->drain);
    streams_close(&execution->streams);
    check(execution);
}

/* ---- the beginning ---- */

static void started(struct execution *execution) {
    struct bytes text = {0};

    execution->started = true;
    execution->exit.started = clock_realtime_ns();
    if (execution->session == NULL)
        return;
    text_pair(&text, "pid", execution->child.pid);
    connection_send(execution->session, FRAME_OK, bytes_front(&text), bytes_length(&text));
    bytes_free(&text);
    streams_start(&execution->streams);
}

static void channel_event(struct source *source, uint32_t events) {
    struct execution *execution = container_of(source, struct execution, channel);
    struct channel_news news;

    (void)events;
    switch (channel_receive(source->fd, &news, &execution->error)) {
    case CHANNEL_NOTHING:
    case CHANNEL_BORN:
        break;
    case CHANNEL_READY:
        if (news.fd >= 0 && execution->session != NULL) {
            streams_terminal(&execution->streams, news.fd);
            news.fd = -1;
        }
        break;
    case CHANNEL_ERROR:
        execution->failed = true;
        break;
    case CHANNEL_CLOSED:
        loop_close(source);
        if (!execution->failed)
            started(execution);
        break;
    }
    if (news.fd >= 0)
        close(news.fd);
}

/* What the child said last may not have been read when its exit is. It has ended, so the channel comes to an end. */
static void channel_drain(struct execution *execution) {
    for (int i = 0; i < 4 && execution->channel.fd >= 0; i++)
        channel_event(&execution->channel, 0);
    loop_close(&execution->channel);
}

/* The exec-N group, below `execgroup`. */
static int group_make(struct execution *execution, const struct spec *spec, struct error *error) {
    const char *parent = spec_value(spec, R_EXECGROUP);
    char path[PATH_MAX];

    if (parent == NULL)
        return 0;
    int made = -1;
    do {
        if (snprintf(path, sizeof path, "%s/exec-%u", parent, execution->container->exec_number++) >= (int)sizeof path)
            return fail(error, "execgroup", parent, ENAMETOOLONG, "cannot make a group");
        made = mkdir(path, 0755);
    } while (made < 0 && errno == EEXIST);
    if (made < 0 || (execution->group = strdup(path)) == NULL)
        return fail(error, "execgroup", path, errno, "cannot make the group");
    return 0;
}

static int group_open(const struct execution *execution, const struct spec *spec, int *fd, bool *v1, struct error *error) {
    *v1 = false;
    if (cgroup_birthplace(spec, fd, error) < 0)
        return -1;
    if (execution->group == NULL)
        return 0;
    if (!cgroup_is_v2(execution->group)) {
        *v1 = true;
        return 0;
    }
    if (*fd >= 0)
        close(*fd);
    *fd = open(execution->group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? fail(error, "execgroup", execution->group, errno, "cannot open the group") : 0;
}

static int launch(struct execution *execution, const struct spec *spec, struct error *error) {
    pid_t init = execution->container->child.pid;
    struct streams_child ends = {-1, -1, -1};
    int channel[2] = {-1, -1}, birthplace = -1, pids = -1, result = -1;
    struct exec_entry entry = {
            .init = -1, .namespaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP};
    bool v1;

    if (execution->container->contained)
        entry.namespaces |= CLONE_NEWUSER;
    if (group_make(execution, spec, error) < 0 || group_open(execution, spec, &birthplace, &v1, error) < 0)
        goto out;
    entry.group_v1 = v1 ? execution->group : NULL;
    entry.init = sys_pidfd_open(init);
    if (entry.init < 0) {
        fail(error, "exec", NULL, errno, "pidfd_open");
        goto out;
    }
    if ((pids = ns_open(init, NS_PID, error)) < 0) {
        if (error->number == ENOENT) /* a process that has ended but is not reaped yet has no namespaces */
            fail(error, "exec", execution->id, ESRCH, "the container has exited");
        goto out;
    }
    if (!spec_has(spec, R_TTY) && streams_pipes(&execution->streams, &ends, spec_has(spec, R_STDIN), error) < 0)
        goto out;
    if (channel_open(channel, error) < 0)
        goto out;
    const int keep[] = {ends.in, ends.out, ends.err, entry.init};
    const struct spawn how = {.pid_namespace = pids,
            .cgroup = birthplace,
            .channel = channel[1],
            .keep = keep,
            .keep_count = sizeof keep / sizeof keep[0]};
    result = spawn(&how, &execution->child, error);
    if (result == 0)
        exec_run(spec, &entry, &ends);
    if (result > 0) {
        execution->channel.fd = channel[0];
        channel[0] = -1;
        loop_watch(&execution->channel, EPOLLIN);
    }
out:
    if (channel[0] >= 0)
        close(channel[0]);
    if (channel[1] >= 0)
        close(channel[1]);
    if (birthplace >= 0)
        close(birthplace);
    if (entry.init >= 0)
        close(entry.init);
    if (pids >= 0)
        close(pids);
    streams_child_close(&ends);
    return result;
}

static struct execution *execution_new(struct connection *connection, struct container *container) {
    struct execution *execution = calloc(1, sizeof *execution);

    if (execution == NULL)
        return NULL;
    snprintf(execution->id, sizeof execution->id, "%s", container->id);
    execution->container = container;
    execution->session = connection;
    execution->child.exited = exited;
    execution->channel = (struct source){.fd = -1, .ready = channel_event};
    execution->timeout.expired = timeout_expired;
    execution->drain.expired = drain_expired;
    streams_init(&execution->streams);
    execution->streams.data = output_data;
    execution->streams.ended = output_end;
    execution->streams.taken = input_taken;
    execution->next = executions;
    executions = execution;
    return execution;
}

void execution_create(struct connection *connection, struct spec *spec) {
    const char *id = spec_value(spec, R_ID), *timeout = spec_value(spec, R_TIMEOUT), *drain = spec_value(spec, R_DRAIN);
    struct container *container = id == NULL ? NULL : container_find(id);
    struct error error = {0};

    if (container == NULL) {
        fail(&error, "exec", id, ENOENT, "there is no such container");
        connection_error(connection, &error);
        return;
    }
    if (container->state != CONTAINER_RUNNING) {
        fail(&error, "exec", id, ESRCH, "the container is %s", container_state_name(container));
        connection_error(connection, &error);
        return;
    }
    struct execution *execution = execution_new(connection, container);
    if (execution == NULL) {
        fail(&error, "exec", id, ENOMEM, "no memory");
        connection_error(connection, &error);
        return;
    }
    execution->drain_ms = drain == NULL ? DRAIN_MS : (int64_t)(number_of(drain, 10) & INT32_MAX);
    if (launch(execution, spec, &error) < 0) {
        execution->session = NULL;
        execution_free(execution);
        connection_error(connection, &error);
        return;
    }
    if (timeout != NULL && number_of(timeout, 10) > 0)
        timer_start(&execution->timeout, (int64_t)(number_of(timeout, 10) & INT64_MAX >> 8));
    connection->role = ROLE_EXEC;
    connection->execution = execution;
}

void executions_end(const struct container *container, bool forget) {
    for (struct execution *e = executions; e != NULL; e = e->next)
        if (e->container == container) {
            if (e->child.pid > 0)
                kill(e->child.pid, SIGKILL);
            if (forget)
                e->container = NULL;
        }
}

void executions_groups_remove(const struct container *container) {
    for (struct execution *e = executions; e != NULL; e = e->next)
        if (e->container == container && e->group != NULL && rmdir(e->group) == 0) {
            free(e->group);
            e->group = NULL;
        }
}

bool executions_any(void) {
    for (const struct execution *e = executions; e != NULL; e = e->next)
        if (e->child.pid > 0)
            return true;
    return false;
}
