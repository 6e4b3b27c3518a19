/*
 * The shim's side of a process's standard streams: pipes, or the master of a pty. Output is read piecewise and handed to the owner; input is queued as far as
 * the process is slow to take it.
 */
#pragma once

#include "bytes.h"
#include "error.h"
#include "loop.h"

enum stream { STREAM_OUT = 0, STREAM_ERR = 1 };

#define INPUT_LIMIT (512u << 10)

struct streams {
    struct source output[2]; /* with a tty the first alone */
    struct source input;
    struct bytes queued;
    bool input_ending; /* close once the queue is empty */
    bool tty;
    bool paused;
    void (*data)(struct streams *streams, enum stream stream, const char *data, size_t length);
    void (*ended)(struct streams *streams, enum stream stream); /* a stream came to its end */
    void (*taken)(struct streams *streams); /* the queued input fell below the limit */
};

/* The child's ends of the pipes; -1 where it gets /dev/null or a tty. */
struct streams_child {
    int in;
    int out;
    int err;
};

void streams_init(struct streams *streams);
int streams_pipes(struct streams *streams, struct streams_child *child, bool with_input, struct error *error);
void streams_child_close(struct streams_child *child);
/* Takes over the master of a pty. */
void streams_terminal(struct streams *streams, int master);
/* Begins to read. */
void streams_start(struct streams *streams);
/* Back-pressure: stops or resumes the reading of output. */
void streams_pause(struct streams *streams, bool pause);
bool streams_output_ended(const struct streams *streams);
/* Reads what is there without waiting, at most `limit` bytes of each stream, and closes the outputs. */
void streams_output_finish(struct streams *streams, size_t limit);

void streams_write(struct streams *streams, const char *data, size_t length);
/* With a tty it has no effect: only the user's own end-of-file character ends its input. */
void streams_write_end(struct streams *streams);
bool streams_input_full(const struct streams *streams);
void streams_resize(struct streams *streams, unsigned width, unsigned height);
void streams_close(struct streams *streams);
