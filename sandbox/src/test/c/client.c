#include "client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void add(struct message *message, const char *field) {
    size_t length = strlen(field) + 1;

    message->data = realloc(message->data, message->length + length);
    memcpy(message->data + message->length, field, length);
    message->length += length;
}

static void add_all(struct message *message, va_list args) {
    for (const char *field; (field = va_arg(args, const char *)) != NULL;)
        add(message, field);
}

void fields(struct message *message, ...) {
    va_list args;

    va_start(args, message);
    add_all(message, args);
    va_end(args);
}

void message_free(struct message *message) {
    free(message->data);
    *message = (struct message){0};
}

static void send_all(int client, const void *data, size_t length) {
    for (const char *at = data; length > 0;) {
        ssize_t n = send(client, at, length, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        at += n;
        length -= (size_t)n;
    }
}

void client_send(int client, int type, const void *payload, size_t length) {
    unsigned char header[8] = {(unsigned char)(length & 0xff), (unsigned char)(length >> 8 & 0xff),
            (unsigned char)(length >> 16 & 0xff), (unsigned char)(length >> 24 & 0xff), (unsigned char)type, 0, 0, 0};

    send_all(client, header, sizeof header);
    send_all(client, payload, length);
}

static bool receive_all(int client, void *data, size_t length) {
    for (char *at = data; length > 0;) {
        ssize_t n = recv(client, at, length, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        length -= (size_t)n;
    }
    return true;
}

struct frame client_receive(int client) {
    unsigned char header[8];
    struct frame frame = {.type = -1};

    if (!receive_all(client, header, sizeof header))
        return frame;
    frame.length = (size_t)header[0] | (size_t)header[1] << 8 | (size_t)header[2] << 16 | (size_t)header[3] << 24;
    frame.payload = calloc(1, frame.length + 2);
    if (receive_all(client, frame.payload, frame.length))
        frame.type = header[4];
    return frame;
}

void frame_free(struct frame *frame) {
    free(frame->payload);
    *frame = (struct frame){.type = -1};
}

const char *frame_field(const struct frame *frame, int index) {
    size_t at = 0;

    for (int i = 0; at < frame->length; i++) {
        if (i == index)
            return frame->payload + at;
        at += strlen(frame->payload + at) + 1;
    }
    return "";
}

const char *frame_value(const struct frame *frame, const char *key) {
    for (int i = 0; frame_field(frame, i)[0] != '\0'; i += 2)
        if (strcmp(frame_field(frame, i), key) == 0)
            return frame_field(frame, i + 1);
    return "";
}

int client_connect(const char *run_folder) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s/shim.sock", run_folder);
    if (connect(client, (struct sockaddr *)&address, sizeof address) < 0) {
        close(client);
        return -1;
    }
    client_send(client, 1, "gantry-shim\0001", sizeof "gantry-shim\0001");
    struct frame hello = client_receive(client);
    bool greeted = hello.type == 1 && strcmp(frame_field(&hello, 0), "gantry-shim") == 0
            && strcmp(frame_field(&hello, 1), "1") == 0;
    frame_free(&hello);
    if (!greeted) {
        close(client);
        return -1;
    }
    return client;
}

struct frame request(const char *run_folder, int type, const struct message *payload) {
    struct frame answer = {.type = -1};
    int client = client_connect(run_folder);

    if (client < 0)
        return answer;
    client_send(client, type, payload->data, payload->length);
    answer = client_receive(client);
    close(client);
    return answer;
}

struct frame request_fields(const char *run_folder, int type, ...) {
    struct message message = {0};
    va_list args;

    va_start(args, type);
    add_all(&message, args);
    va_end(args);
    struct frame answer = request(run_folder, type, &message);
    message_free(&message);
    return answer;
}

/* Grows by doubling: with a sanitizer each realloc copies. */
static void collect(char **text, size_t *length, size_t *capacity, const struct frame *frame) {
    if (*length + frame->length + 1 > *capacity) {
        *capacity = 2 * (*length + frame->length + 1);
        *text = realloc(*text, *capacity);
    }
    memcpy(*text + *length, frame->payload, frame->length);
    *length += frame->length;
    (*text)[*length] = '\0';
}

void session_collect(int client, struct session *session) {
    *session = (struct session){.out = calloc(1, 1), .err = calloc(1, 1), .last = {.type = -1}};
    size_t out_capacity = 1, err_capacity = 1;

    session->first = client_receive(client);
    if (session->first.type != 64)
        return;
    for (;;) {
        struct frame frame = client_receive(client);

        if (frame.type == 67)
            collect(&session->out, &session->out_length, &out_capacity, &frame);
        else if (frame.type == 68)
            collect(&session->err, &session->err_length, &err_capacity, &frame);
        else {
            session->last = frame;
            return;
        }
        frame_free(&frame);
    }
}

void session_free(struct session *session) {
    frame_free(&session->first);
    frame_free(&session->last);
    free(session->out);
    free(session->err);
}
