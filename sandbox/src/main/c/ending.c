/*
 * The exit of a container, in the order that PROTOCOL.md promises: OOM counts, kill groups, output, exit file, EXIT. Nothing here waits; each step that takes
 * time goes on by a timer or by the end of a stream.
 */
#include "cgroup.h"
#include "connection.h"
#include "files.h"
#include "shim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KILL_LIMIT_MS 10000 /* a process in an uninterruptible sleep must not hide the exit for ever */
#define KILL_PAUSE_MAX_MS 100
#define DRAIN_MS 2000
#define START_ERROR_CODE 128

static void exit_file_write(struct container *container) {
    char text[512];
    struct error error;
    char line[1200];

    if (container->exit_file == NULL)
        return;
    int length = snprintf(text, sizeof text, "id %s\ncode %d\nsignal %d\noom %d\nstarted %lld\nfinished %lld\n",
            container->id, container->exit.code, container->exit.signal, container->exit.oom,
            (long long)container->exit.started, (long long)container->exit.finished);
    if (file_replace(container->exit_file, text, (size_t)length, &error) < 0)
        note("%s", error_line(&error, line, sizeof line));
}

static void broadcast(struct container *container) {
    for (struct connection *c = connections, *next; c != NULL; c = next) {
        struct bytes text = {0};

        next = c->next;
        if (c->closing)
            continue;
        if (c->role == ROLE_EVENTS) {
            container_exit_fields(container, &text);
            connection_send(c, FRAME_EXIT, bytes_front(&text), bytes_length(&text));
            bytes_free(&text);
        } else if ((c->role == ROLE_WAIT || c->role == ROLE_ATTACH) && c->container == container) {
            container_exit_fields(container, &text);
            connection_exit(c, &text);
        }
    }
}

/* Who asked for something that the exit now answers. */
static void answer(struct container *container) {
    struct error error;

    if (container->waiter != NULL) {
        if (!container->failed)
            fail(&container->error, "init", container->id, ECHILD,
                    container->exit.signal != 0 ? "the init process was ended by signal %d" : "the init process ended with code %d",
                    container->exit.signal != 0 ? container->exit.signal : container->exit.code);
        error = container->error;
        connection_error(container->waiter, &error);
        container->waiter = NULL;
    }
    if (container->deleter != NULL) {
        connection_ok(container->deleter, NULL);
        container->deleter = NULL;
    }
}

static void finish(struct container *container, bool was_created) {
    bool forget = !was_created || container->deleter != NULL;

    timer_stop(&container->timer);
    streams_close(&container->streams);
    crilog_close(&container->log);
    container->state = CONTAINER_EXITED;
    if (was_created) {
        exit_file_write(container);
        broadcast(container);
    }
    answer(container);
    if (forget)
        container_gone(container);
    else
        containers_check();
}

static bool ever_created(const struct container *container) {
    return !container->never_created;
}

static void drain_begin(struct container *container) {
    /* The groups are empty now, so their folders can go, before the daemon removes those above them. */
    executions_groups_remove(container);
    for (size_t i = 0; i < container->exec_groups.count; i++)
        rmdir(container->exec_groups.paths[i]);
    path_list_free(&container->exec_groups);
    container->draining = true;
    if (streams_output_ended(&container->streams)) {
        finish(container, ever_created(container));
        return;
    }
    timer_start(&container->timer, DRAIN_MS);
}

void container_output_ended(struct container *container) {
    if (container->draining)
        finish(container, ever_created(container));
}

static void groups_kill(struct container *container) {
    bool empty = true;

    for (size_t i = 0; i < container->kill_groups.count; i++)
        if (!cgroup_kill(container->kill_groups.paths[i]))
            empty = false;
    if (!empty && clock_monotonic_ms() < container->kill_deadline) {
        timer_start(&container->timer, container->kill_pause);
        if (container->kill_pause < KILL_PAUSE_MAX_MS)
            container->kill_pause *= 2;
        return;
    }
    if (!empty)
        note("container %s: processes are left %d s after SIGKILL", container->id, KILL_LIMIT_MS / 1000);
    drain_begin(container);
}

static void timer_expired(struct timer *timer) {
    struct container *container = container_of(timer, struct container, timer);

    if (!container->draining) {
        groups_kill(container);
        return;
    }
    /* Somebody outside the groups holds the pipe. What is in it still counts. */
    container->draining = false;
    streams_output_finish(&container->streams, 1 << 20);
    finish(container, ever_created(container));
}

void container_exited(struct child *child, int status) {
    struct container *container = container_of(child, struct container, child);
    pid_t ended = child->pid;

    /* What the child said last may not have been read yet: why it failed, or, by closing the channel, that its exec succeeded. */
    while (container->channel.fd >= 0) {
        enum container_state before = container->state;

        container->channel.ready(&container->channel, 0);
        if (child->pid != ended)
            return; /* it left another in its place */
        if (container->channel.fd >= 0 && before == container->state && !container->failed)
            break;
        if (container->failed)
            loop_close(&container->channel);
    }
    child->pid = 0;
    container->exit.finished = clock_realtime_ns();
    container->exit.code = status_code(status);
    container->exit.signal = status_signal(status);
    container->never_created = container->state == CONTAINER_CREATING;
    if (container->state == CONTAINER_STARTING || (container->failed && !container->never_created)) {
        container->exit.code = START_ERROR_CODE;
        container->exit.signal = 0;
    }
    container->state = CONTAINER_ENDING;
    loop_close(&container->channel);
    oom_read(container);
    executions_end(container, false);
    container->timer.expired = timer_expired;
    container->kill_deadline = clock_monotonic_ms() + KILL_LIMIT_MS;
    container->kill_pause = 1;
    groups_kill(container);
}
