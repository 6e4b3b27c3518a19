/* A client on the shim's socket: frames in, frames out, one request or session. */
#pragma once

#include "bytes.h"
#include "error.h"
#include "frames.h"
#include "loop.h"

#include <stdbool.h>
#include <stdint.h>

/* What the shim holds for a client that is slow to take it. */
#define SESSION_LIMIT (256u << 10)

enum role {
    ROLE_NEW, /* no request yet */
    ROLE_REQUEST, /* waits for its answer */
    ROLE_EXEC,
    ROLE_ATTACH,
    ROLE_WAIT,
    ROLE_EVENTS,
    ROLE_HOLD,
    ROLE_SHUTDOWN,
};

struct container;
struct execution;
struct hold;

struct connection {
    struct source source;
    struct connection *next;
    struct frame_reader reader;
    struct bytes out;
    enum role role;
    bool greeted;
    bool closing; /* close once `out` is empty; nothing is read any more */
    bool gone; /* closed, about to be freed */
    struct container *container; /* of ATTACH and WAIT */
    struct execution *execution; /* of EXEC */
    struct hold *hold; /* of HOLD */
    bool want_in, want_out, want_err; /* of ATTACH */
    struct timer stuck;
};

extern struct connection *connections;

void connections_open(int socket);
void connections_close_socket(void);

void connection_send(struct connection *connection, enum frame_type type, const void *payload, size_t length);
/* The last answer: what is queued is still sent, then the connection is closed. */
void connection_finish(struct connection *connection);
/* Shorthands; each is the last answer. `text` is freed. */
void connection_ok(struct connection *connection, struct bytes *text);
void connection_error(struct connection *connection, const struct error *error);
void connection_exit(struct connection *connection, struct bytes *text);
bool connection_full(const struct connection *connection);
/* Reading goes on or not, by what the session's process has not yet taken. */
void connection_reading(struct connection *connection, bool on);
