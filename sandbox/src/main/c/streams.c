#include "streams.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PIPE_SIZE (128 << 10)
#define READ_SIZE (16 << 10)

/* Shared by all streams: it never holds anything between two events. */
static char read_buffer[READ_SIZE];

static void output_end(struct streams *streams, enum stream stream) {
    loop_close(&streams->output[stream]);
    streams->ended(streams, stream);
}

/* As read(2). */
static ssize_t output_read(struct streams *streams, enum stream stream) {
    ssize_t n = read(streams->output[stream].fd, read_buffer, sizeof read_buffer);

    if (n > 0)
        streams->data(streams, stream, read_buffer, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR)) /* a pty without slaves gives EIO */
        output_end(streams, stream);
    return n;
}

static void out_ready(struct source *source, uint32_t events) {
    (void)events;
    output_read(container_of(source, struct streams, output[STREAM_OUT]), STREAM_OUT);
}

static void err_ready(struct source *source, uint32_t events) {
    (void)events;
    output_read(container_of(source, struct streams, output[STREAM_ERR]), STREAM_ERR);
}

static void input_close(struct streams *streams) {
    bool was_full = streams_input_full(streams);

    loop_close(&streams->input);
    bytes_free(&streams->queued);
    if (was_full)
        streams->taken(streams);
}

static void input_flush(struct streams *streams) {
    bool was_full = streams_input_full(streams);

    while (bytes_length(&streams->queued) > 0) {
        ssize_t n = write(streams->input.fd, bytes_front(&streams->queued), bytes_length(&streams->queued));
        if (n < 0) {
            if (errno == EAGAIN || errno == EINTR)
                break;
            input_close(streams); /* nobody reads any more */
            return;
        }
        bytes_consume(&streams->queued, (size_t)n);
    }
    if (bytes_length(&streams->queued) == 0 && streams->input_ending) {
        input_close(streams);
        return;
    }
    loop_watch(&streams->input, bytes_length(&streams->queued) > 0 ? EPOLLOUT : 0);
    if (was_full && !streams_input_full(streams))
        streams->taken(streams);
}

static void input_ready(struct source *source, uint32_t events) {
    (void)events;
    input_flush(container_of(source, struct streams, input));
}

void streams_init(struct streams *streams) {
    streams->output[0] = streams->output[1] = streams->input = (struct source){.fd = -1};
    streams->output[STREAM_OUT].ready = out_ready;
    streams->output[STREAM_ERR].ready = err_ready;
    streams->input.ready = input_ready;
}

static int own_end(int fd) {
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

int streams_pipes(struct streams *streams, struct streams_child *child, bool with_input, struct error *error) {
    int out[2], err[2], in[2];

    *child = (struct streams_child){-1, -1, -1};
    if (pipe2(out, O_CLOEXEC) < 0)
        return fail(error, "pipe", NULL, errno, "stdout");
    streams->output[STREAM_OUT].fd = own_end(out[0]);
    child->out = out[1];
    fcntl(out[0], F_SETPIPE_SZ, PIPE_SIZE);
    if (pipe2(err, O_CLOEXEC) < 0)
        return fail(error, "pipe", NULL, errno, "stderr");
    streams->output[STREAM_ERR].fd = own_end(err[0]);
    child->err = err[1];
    if (!with_input)
        return 0;
    if (pipe2(in, O_CLOEXEC) < 0)
        return fail(error, "pipe", NULL, errno, "stdin");
    streams->input.fd = own_end(in[1]);
    child->in = in[0];
    return 0;
}

void streams_child_close(struct streams_child *child) {
    if (child->in >= 0)
        close(child->in);
    if (child->out >= 0)
        close(child->out);
    if (child->err >= 0)
        close(child->err);
    *child = (struct streams_child){-1, -1, -1};
}

void streams_terminal(struct streams *streams, int master) {
    streams->tty = true;
    streams->output[STREAM_OUT].fd = own_end(master);
    /* Its own descriptor, so that reading and writing are watched apart. */
    streams->input.fd = fcntl(master, F_DUPFD_CLOEXEC, 3);
}

void streams_start(struct streams *streams) {
    streams->paused = true;
    streams_pause(streams, false);
    if (streams->input.fd >= 0)
        input_flush(streams);
}

void streams_pause(struct streams *streams, bool pause) {
    if (streams->paused == pause)
        return;
    streams->paused = pause;
    for (int i = 0; i < 2; i++)
        loop_watch(&streams->output[i], pause ? 0 : EPOLLIN);
}

bool streams_output_ended(const struct streams *streams) {
    return streams->output[STREAM_OUT].fd < 0 && streams->output[STREAM_ERR].fd < 0;
}

void streams_output_finish(struct streams *streams, size_t limit) {
    for (int i = 0; i < 2; i++) {
        size_t total = 0;

        while (streams->output[i].fd >= 0 && total < limit) {
            ssize_t n = output_read(streams, (enum stream)i);
            if (n <= 0)
                break;
            total += (size_t)n;
        }
        if (streams->output[i].fd >= 0)
            output_end(streams, (enum stream)i);
    }
}

void streams_write(struct streams *streams, const char *data, size_t length) {
    if (streams->input.fd < 0 || streams->input_ending)
        return;
    if (!bytes_append(&streams->queued, data, length)) {
        note("no memory for %zu bytes of input", length);
        input_close(streams);
        return;
    }
    input_flush(streams);
}

void streams_write_end(struct streams *streams) {
    if (streams->input.fd < 0 || streams->tty)
        return;
    streams->input_ending = true;
    input_flush(streams);
}

bool streams_input_full(const struct streams *streams) {
    return bytes_length(&streams->queued) >= INPUT_LIMIT;
}

void streams_resize(struct streams *streams, unsigned width, unsigned height) {
    struct winsize size = {.ws_col = (unsigned short)width, .ws_row = (unsigned short)height};

    if (streams->tty && streams->input.fd >= 0)
        ioctl(streams->input.fd, TIOCSWINSZ, &size);
}

void streams_close(struct streams *streams) {
    loop_close(&streams->output[STREAM_OUT]);
    loop_close(&streams->output[STREAM_ERR]);
    loop_close(&streams->input);
    bytes_free(&streams->queued);
}
