/* A blocking client of the shim, written against PROTOCOL.md alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message {
    char *data;
    size_t length;
};

struct frame {
    int type; /* -1: the connection has ended */
    size_t length;
    char *payload; /* with a NUL behind */
};

/* Appends fields up to a NULL. */
void fields(struct message *message, ...) __attribute__((sentinel));
void message_free(struct message *message);

/* Connects and greets; -1 on failure. */
int client_connect(const char *run_folder);
void client_send(int client, int type, const void *payload, size_t length);
struct frame client_receive(int client);
void frame_free(struct frame *frame);
/* Field `index` of a text frame, "" beyond the last. */
const char *frame_field(const struct frame *frame, int index);
/* The value of a key in a payload of pairs, "" if there is none. */
const char *frame_value(const struct frame *frame, const char *key);

/* Connect, one request, its answer, close. */
struct frame request(const char *run_folder, int type, const struct message *payload);
/* The same with fields. */
struct frame request_fields(const char *run_folder, int type, ...) __attribute__((sentinel));

/* A session read to its end. */
struct session {
    struct frame first; /* OK or ERROR */
    struct frame last; /* EXIT or ERROR */
    char *out;
    size_t out_length;
    char *err;
    size_t err_length;
};
void session_collect(int client, struct session *session);
void session_free(struct session *session);
