/* What each request means: its fields are checked here and handed to the part that serves it. */
#include "connection.h"
#include "shim.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct connection *shutdown_waiter;

static void refuse(struct connection *connection, const char *step, const char *path, int number, const char *message) {
    struct error error;

    fail(&error, step, path, number, "%s", message);
    connection_error(connection, &error);
}

static struct container *container_of_request(struct connection *connection, const char *step, const char *id) {
    struct container *container = container_find(id);
    bool deletes = strcmp(step, "delete") == 0; /* also of one whose setup hangs */

    if (container == NULL || (container->state == CONTAINER_CREATING && !deletes) || container->never_created) {
        refuse(connection, step, id, ENOENT, "there is no such container");
        return NULL;
    }
    return container;
}

static void with_records(struct connection *connection, enum spec_kind kind, char **payload, uint32_t length) {
    struct error error;
    struct spec spec;
    char *taken = *payload;

    *payload = NULL;
    if (spec_parse(&spec, taken, length, kind, &error) < 0) {
        connection_error(connection, &error);
        return;
    }
    if (kind == SPEC_POD)
        pod_create(connection, &spec);
    else if (kind == SPEC_CREATE)
        container_create(connection, &spec);
    else
        execution_create(connection, &spec);
    spec_free(&spec);
}

static void attach(struct connection *connection, struct container *container, char **fields) {
    struct bytes text = {0};

    if (container->state == CONTAINER_EXITED) {
        container_exit_fields(container, &text);
        connection_send(connection, FRAME_OK, NULL, 0);
        connection_exit(connection, &text);
        return;
    }
    connection->role = ROLE_ATTACH;
    connection->container = container;
    connection->want_in = strcmp(fields[1], "1") == 0;
    connection->want_out = strcmp(fields[2], "1") == 0;
    connection->want_err = strcmp(fields[3], "1") == 0;
    connection_send(connection, FRAME_OK, NULL, 0);
}

static void wait_for(struct connection *connection, struct container *container) {
    struct bytes text = {0};

    if (container->state == CONTAINER_EXITED) {
        container_exit_fields(container, &text);
        connection_exit(connection, &text);
        return;
    }
    connection->role = ROLE_WAIT;
    connection->container = container;
}

static void kill_one(struct connection *connection, struct container *container, char **fields) {
    uint64_t signal;
    bool all = strcmp(fields[2], "all") == 0;

    if (!parse_number(fields[1], 10, (uint64_t)SIGRTMAX, &signal) || (!all && strcmp(fields[2], "one") != 0))
        refuse(connection, "kill", container->id, EINVAL, "the request is ID SIGNAL one|all");
    else
        container_kill(connection, container, (int)signal, all);
}

static void set_size(struct connection *connection, struct container *container, char **fields) {
    uint64_t pid, width, height;

    if (!parse_number(fields[1], 10, INT32_MAX, &pid) || !parse_number(fields[2], 10, UINT16_MAX, &width)
            || !parse_number(fields[3], 10, UINT16_MAX, &height)) {
        refuse(connection, "size", container->id, EINVAL, "the request is ID PID WIDTH HEIGHT");
        return;
    }
    struct execution *execution = pid == 0 ? NULL : execution_find(container, (pid_t)pid);
    if (pid != 0 && execution == NULL) {
        refuse(connection, "size", container->id, ESRCH, "the process has exited");
        return;
    }
    if (execution != NULL)
        execution_resize(execution, (unsigned)width, (unsigned)height);
    else
        streams_resize(&container->streams, (unsigned)width, (unsigned)height);
    connection_ok(connection, NULL);
}

static void reopen(struct connection *connection, struct container *container) {
    struct error error;
    bool over = container->log.fd < 0;

    if (crilog_reopen(&container->log, &error) < 0) {
        connection_error(connection, &error);
        return;
    }
    if (over)
        crilog_close(&container->log);
    connection_ok(connection, NULL);
}

static void state(struct connection *connection) {
    struct bytes text = {0};

    for (const struct container *c = containers; c != NULL; c = c->next) {
        if (c->state == CONTAINER_CREATING || c->never_created)
            continue;
        text_add(&text, "container");
        text_add(&text, c->id);
        text_add(&text, container_state_name(c));
        text_number(&text, c->pid);
        text_number(&text, (int64_t)c->child.start_time);
        text_number(&text, c->exit.started);
        if (c->state == CONTAINER_EXITED) {
            text_add(&text, "exit");
            container_exit_fields(c, &text);
        }
    }
    connection_ok(connection, &text);
}

static void pod_done(void) {
    struct connection *waiter = shutdown_waiter;

    shutdown_waiter = NULL;
    shim_exit();
    if (waiter != NULL)
        connection_ok(waiter, NULL); /* goes out at once: there is room for it */
}

static void all_done(void) {
    pod_end(pod_done);
}

void requests_forget_connection(const struct connection *connection) {
    if (shutdown_waiter == connection)
        shutdown_waiter = NULL;
}

static void shut_down(struct connection *connection) {
    connection->role = ROLE_SHUTDOWN;
    shutdown_waiter = connection;
    containers_end(all_done);
}

static void stdin_taken(struct connection *connection, const char *data, size_t length) {
    if (connection->role == ROLE_EXEC && connection->execution != NULL) {
        execution_input(connection->execution, data, length);
        if (connection->execution != NULL && execution_input_full(connection->execution))
            connection_reading(connection, false);
    } else if (connection->role == ROLE_ATTACH && connection->container != NULL && connection->want_in) {
        container_input(connection->container, data, length);
        if (streams_input_full(&connection->container->streams))
            connection_reading(connection, false);
    }
}

static void stdin_ended(struct connection *connection) {
    if (connection->role == ROLE_EXEC && connection->execution != NULL)
        execution_input_end(connection->execution);
    else if (connection->role == ROLE_ATTACH && connection->container != NULL && connection->want_in)
        container_input_end(connection->container);
}

static void resize(struct connection *connection, char *payload, uint32_t length) {
    char *fields[2];
    uint64_t width, height;

    if (text_split(payload, length, fields, 2) != 2 || !parse_number(fields[0], 10, UINT16_MAX, &width)
            || !parse_number(fields[1], 10, UINT16_MAX, &height))
        return;
    if (connection->role == ROLE_EXEC && connection->execution != NULL)
        execution_resize(connection->execution, (unsigned)width, (unsigned)height);
    else if (connection->role == ROLE_ATTACH && connection->container != NULL)
        streams_resize(&connection->container->streams, (unsigned)width, (unsigned)height);
}

static bool session_frame(struct connection *connection, unsigned type, char *payload, uint32_t length) {
    switch (type) {
    case FRAME_STDIN:
        stdin_taken(connection, payload, length);
        return true;
    case FRAME_STDIN_EOF:
        stdin_ended(connection);
        return true;
    case FRAME_RESIZE:
        resize(connection, payload, length);
        return true;
    default:
        return false;
    }
}

/* Requests that name a container. */
static const struct {
    enum frame_type type;
    const char *step;
    int fields;
} by_id[] = {
        {FRAME_START, "start", 1},
        {FRAME_KILL, "kill", 3},
        {FRAME_DELETE, "delete", 1},
        {FRAME_ATTACH, "attach", 4},
        {FRAME_WAIT, "wait", 1},
        {FRAME_REOPEN_LOG, "log", 1},
        {FRAME_SIZE, "size", 4},
};

static void request_by_id(struct connection *connection, size_t which, char *payload, uint32_t length) {
    char *fields[4];

    if (text_split(payload, length, fields, 4) != by_id[which].fields) {
        refuse(connection, by_id[which].step, NULL, EINVAL, "the request has not the fields that it should");
        return;
    }
    struct container *container = container_of_request(connection, by_id[which].step, fields[0]);
    if (container == NULL)
        return;
    switch ((int)by_id[which].type) {
    case FRAME_START:
        container_start(connection, container);
        break;
    case FRAME_KILL:
        kill_one(connection, container, fields);
        break;
    case FRAME_DELETE:
        container_delete(connection, container);
        break;
    case FRAME_ATTACH:
        attach(connection, container, fields);
        break;
    case FRAME_WAIT:
        wait_for(connection, container);
        break;
    case FRAME_SIZE:
        set_size(connection, container, fields);
        break;
    default:
        reopen(connection, container);
        break;
    }
}

static void request(struct connection *connection, unsigned type, char **payload, uint32_t length) {
    for (size_t i = 0; i < sizeof by_id / sizeof by_id[0]; i++)
        if (by_id[i].type == type) {
            request_by_id(connection, i, *payload, length);
            return;
        }
    switch (type) {
    case FRAME_POD:
        with_records(connection, SPEC_POD, payload, length);
        break;
    case FRAME_CREATE:
        with_records(connection, SPEC_CREATE, payload, length);
        break;
    case FRAME_EXEC:
        with_records(connection, SPEC_EXEC, payload, length);
        break;
    case FRAME_EVENTS:
        connection->role = ROLE_EVENTS;
        connection_send(connection, FRAME_OK, NULL, 0);
        break;
    case FRAME_STATE:
        state(connection);
        break;
    case FRAME_HOLD:
        connection->role = ROLE_HOLD;
        hold_create(connection);
        break;
    case FRAME_SHUTDOWN:
        shut_down(connection);
        break;
    default:
        refuse(connection, "request", NULL, ENOSYS, "an unknown type of request");
    }
}

bool request_take(struct connection *connection, unsigned type, char **payload, uint32_t length) {
    if (connection->role == ROLE_NEW) {
        connection->role = ROLE_REQUEST;
        request(connection, type, payload, length);
    } else if (!session_frame(connection, type, *payload, length))
        refuse(connection, "request", NULL, EPROTO, "a connection carries one request");
    return !connection->gone && !connection->closing;
}
