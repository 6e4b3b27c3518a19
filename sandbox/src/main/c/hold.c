/* Processes that do nothing but be there, each as long as its client: the owner of a cgroup may take one to begin it with. */
#include "connection.h"
#include "shim.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

struct hold {
    struct child child;
    struct connection *connection;
};

static _Noreturn void stay(pid_t parent) {
    prctl(PR_SET_NAME, "gantry-hold", 0, 0, 0);
    /* The shim ignores it, but who asks this one to end need not wait. */
    signal(SIGTERM, SIG_DFL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
        _exit(1);
    close_range(0, ~0U, 0);
    for (;;)
        pause();
}

static void exited(struct child *child, int status) {
    struct hold *hold = container_of(child, struct hold, child);

    (void)status;
    if (hold->connection != NULL) {
        hold->connection->hold = NULL;
        connection_finish(hold->connection);
    }
    free(hold);
}

void hold_create(struct connection *connection) {
    const struct spawn how = {.pid_namespace = -1, .cgroup = -1, .channel = -1};
    struct hold *hold = calloc(1, sizeof *hold);
    struct bytes text = {0};
    struct error error;
    pid_t parent = getpid();

    if (hold == NULL) {
        fail(&error, "hold", NULL, ENOMEM, "no memory");
        connection_error(connection, &error);
        return;
    }
    hold->child.exited = exited;
    int result = spawn(&how, &hold->child, &error);
    if (result == 0)
        stay(parent);
    if (result < 0) {
        free(hold);
        connection_error(connection, &error);
        return;
    }
    hold->connection = connection;
    connection->hold = hold;
    text_pair(&text, "pid", hold->child.pid);
    connection_send(connection, FRAME_OK, bytes_front(&text), bytes_length(&text));
    bytes_free(&text);
}

void hold_end(struct hold *hold) {
    hold->connection = NULL;
    kill(hold->child.pid, SIGKILL); /* not reaped yet, so the number is its own */
}
