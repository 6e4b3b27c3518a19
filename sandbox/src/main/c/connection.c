#include "connection.h"

#include "shim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_SIZE (16 << 10)
#define STUCK_MS 10000

struct connection *connections;

static struct source listener = {.fd = -1};
static char read_buffer[READ_SIZE];

static void unlink_from_list(struct connection *connection) {
    for (struct connection **at = &connections; *at != NULL; at = &(*at)->next)
        if (*at == connection) {
            *at = connection->next;
            return;
        }
}

static void connection_close(struct connection *connection) {
    struct container *attached = connection->role == ROLE_ATTACH ? connection->container : NULL;
    struct execution *execution = connection->execution;
    bool had_input = connection->want_in;

    if (connection->gone)
        return;
    connection->gone = true;
    timer_stop(&connection->stuck);
    unlink_from_list(connection);
    loop_close(&connection->source);
    frame_reader_free(&connection->reader);
    bytes_free(&connection->out);
    connection->container = NULL;
    connection->execution = NULL;
    pod_forget_connection(connection);
    requests_forget_connection(connection);
    container_forget_connection(connection);
    if (connection->hold != NULL)
        hold_end(connection->hold);
    loop_free(connection);
    if (execution != NULL)
        execution_hang_up(execution);
    if (attached != NULL) {
        if (had_input && attached->stdin_once)
            container_input_end(attached);
        container_throttle(attached);
    }
}

static uint32_t wanted_events(const struct connection *connection) {
    return bytes_length(&connection->out) > 0 ? EPOLLOUT : 0;
}

static void watch(struct connection *connection, bool reading) {
    /* Even when nothing is awaited the client's leaving must be seen: EPOLLHUP comes unasked. */
    loop_watch(&connection->source, (reading && !connection->closing ? EPOLLIN : 0) | wanted_events(connection) | EPOLLHUP);
}

void connection_reading(struct connection *connection, bool on) {
    if (!connection->gone)
        watch(connection, on);
}

static bool is_reading(const struct connection *connection) {
    return (connection->source.events & EPOLLIN) != 0;
}

bool connection_full(const struct connection *connection) {
    return bytes_length(&connection->out) >= SESSION_LIMIT;
}

/* A client that takes nothing must not stop a container for ever. */
static void stuck_expired(struct timer *timer) {
    struct connection *connection = container_of(timer, struct connection, stuck);
    struct container *container = connection->container;
    struct error error;

    if (connection->closing || connection->role != ROLE_ATTACH) {
        connection_close(connection);
        return;
    }
    fail(&error, "attach", NULL, ETIMEDOUT, "the client took no output for %d s", STUCK_MS / 1000);
    connection->role = ROLE_REQUEST;
    connection->container = NULL;
    connection_error(connection, &error);
    if (container != NULL)
        container_throttle(container);
}

static void throttle(struct connection *connection) {
    bool full = connection_full(connection);

    if (connection->role == ROLE_EXEC && connection->execution != NULL)
        execution_throttle(connection->execution, full);
    if (connection->role == ROLE_ATTACH && connection->container != NULL) {
        if (full && !connection->stuck.armed)
            timer_start(&connection->stuck, STUCK_MS);
        container_throttle(connection->container);
    }
}

static void flush(struct connection *connection) {
    bool was_full = connection_full(connection);
    bool moved = false;

    while (bytes_length(&connection->out) > 0) {
        ssize_t n = send(connection->source.fd, bytes_front(&connection->out), bytes_length(&connection->out), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN) {
            connection_close(connection);
            return;
        }
        if (n < 0)
            break;
        moved = true;
        bytes_consume(&connection->out, (size_t)n);
    }
    if (connection->closing && bytes_length(&connection->out) == 0) {
        connection_close(connection);
        return;
    }
    watch(connection, is_reading(connection));
    if (moved && connection->stuck.armed && !connection->closing) {
        timer_stop(&connection->stuck);
        if (connection_full(connection))
            timer_start(&connection->stuck, STUCK_MS);
    }
    if (was_full && !connection_full(connection))
        throttle(connection);
}

void connection_send(struct connection *connection, enum frame_type type, const void *payload, size_t length) {
    unsigned char header[FRAME_HEADER];
    struct iovec parts[2] = {{header, sizeof header}, {(void *)(uintptr_t)payload, length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent = 0;

    if (connection->gone || connection->closing)
        return;
    frame_header(header, type, (uint32_t)length);
    if (bytes_length(&connection->out) == 0) {
        sent = sendmsg(connection->source.fd, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            /* The event loop sees the hang-up; closing here would pull the connection from under the caller. */
            return;
        }
        if (sent < 0)
            sent = 0;
    }
    size_t done = (size_t)sent;
    if (done < sizeof header) {
        bytes_append(&connection->out, header + done, sizeof header - done);
        done = sizeof header;
    }
    if (done < sizeof header + length)
        bytes_append(&connection->out, (const char *)payload + (done - sizeof header), length - (done - sizeof header));
    watch(connection, is_reading(connection));
    if (connection->out.failed) { /* no memory: the stream of frames has a hole now */
        note("no memory for a client's output");
        shutdown(connection->source.fd, SHUT_RDWR);
    } else if (connection_full(connection))
        throttle(connection);
}

void connection_finish(struct connection *connection) {
    if (connection->gone)
        return;
    connection->closing = true;
    connection->execution = NULL;
    connection->container = NULL;
    /* By way of the loop, never at once: the caller may still hold it. With EPOLLOUT the loop comes back even when all is sent. */
    loop_watch(&connection->source, EPOLLOUT | EPOLLHUP);
}

void connection_ok(struct connection *connection, struct bytes *text) {
    if (text == NULL)
        connection_send(connection, FRAME_OK, NULL, 0);
    else
        connection_send(connection, FRAME_OK, bytes_front(text), bytes_length(text));
    if (text != NULL)
        bytes_free(text);
    connection_finish(connection);
}

void connection_error(struct connection *connection, const struct error *error) {
    struct bytes text = {0};

    text_add(&text, error->step);
    text_add(&text, error->path);
    text_number(&text, error->number);
    text_add(&text, error->message);
    connection_send(connection, FRAME_ERROR, bytes_front(&text), bytes_length(&text));
    bytes_free(&text);
    connection_finish(connection);
    timer_stop(&connection->stuck);
    timer_start(&connection->stuck, STUCK_MS);
}

void connection_exit(struct connection *connection, struct bytes *text) {
    connection_send(connection, FRAME_EXIT, bytes_front(text), bytes_length(text));
    bytes_free(text);
    connection_finish(connection);
}

static bool frame_taken(void *context, unsigned type, char **payload, uint32_t length) {
    struct connection *connection = context;
    char *fields[8];

    if (connection->gone || connection->closing)
        return false;
    if (connection->greeted)
        return request_take(connection, type, payload, length);
    if (type != FRAME_HELLO || text_split(*payload, length, fields, 8) < 2 || strcmp(fields[0], PROTOCOL_NAME) != 0) {
        connection_close(connection);
        return false;
    }
    connection->greeted = true;
    return true;
}

static void connection_ready(struct source *source, uint32_t events) {
    struct connection *connection = container_of(source, struct connection, source);
    bool malformed;

    if ((events & EPOLLOUT) != 0 || connection->closing) {
        flush(connection);
        if (connection->gone || (connection->closing && (events & (EPOLLHUP | EPOLLERR)) == 0))
            return;
    }
    if ((events & EPOLLIN) == 0) {
        if ((events & (EPOLLHUP | EPOLLERR)) != 0)
            connection_close(connection);
        return;
    }
    ssize_t n = recv(source->fd, read_buffer, sizeof read_buffer, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        connection_close(connection);
        return;
    }
    if (!frame_reader_feed(&connection->reader, read_buffer, (size_t)n, frame_taken, connection, &malformed) && malformed)
        connection_close(connection);
}

static void listener_rested(struct timer *timer) {
    (void)timer;
    loop_watch(&listener, EPOLLIN);
}

static struct timer listener_rest = {.expired = listener_rested};

static void listener_ready(struct source *source, uint32_t events) {
    struct ucred peer;
    socklen_t length = sizeof peer;

    (void)events;
    int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) { /* else the loop would spin */
            loop_watch(&listener, 0);
            timer_start(&listener_rest, 100);
        }
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 || peer.uid != 0) {
        close(fd);
        return;
    }
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        close(fd);
        return;
    }
    connection->source = (struct source){.fd = fd, .ready = connection_ready};
    connection->stuck.expired = stuck_expired;
    connection->next = connections;
    connections = connection;
    watch(connection, true);
    connection_send(connection, FRAME_HELLO, PROTOCOL_NAME "\0" PROTOCOL_VERSION, sizeof PROTOCOL_NAME "\0" PROTOCOL_VERSION);
}

void connections_open(int socket) {
    listener = (struct source){.fd = socket, .ready = listener_ready};
    loop_watch(&listener, EPOLLIN);
}

void connections_close_socket(void) {
    loop_close(&listener);
}
