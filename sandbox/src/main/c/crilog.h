/*
 * The CRI log of a container: "TIME stream P|F text\n". A line longer than 16 KiB is cut into P records ended by an F one; what a stream holds without a newline
 * at its end is a P record, as containerd writes it, so that a reader prints exactly what the process wrote. Trouble with the disk never reaches the process:
 * what cannot be written is dropped and counted.
 */
#pragma once

#include "error.h"
#include "streams.h"

#include <stdint.h>

#define CRILOG_LINE_MAX (16u << 10)

struct crilog {
    int fd; /* -1: no log */
    char *path;
    uint64_t dropped; /* bytes */
    bool torn; /* the file ends within a record */
    struct {
        char *data; /* CRILOG_LINE_MAX bytes while there is something in it */
        size_t length;
    } pending[2];
};

int crilog_open(struct crilog *log, const char *path, struct error *error);
/* The path made anew. On failure the old file stays in use. */
int crilog_reopen(struct crilog *log, struct error *error);
void crilog_write(struct crilog *log, enum stream stream, const char *data, size_t length);
void crilog_end(struct crilog *log, enum stream stream);
/* Keeps the path, so that the file can still be made anew. */
void crilog_close(struct crilog *log);
void crilog_free(struct crilog *log);

/* Writes the time as RFC 3339 with nine digits, in UTC. Returns the length, 30. */
#define CRILOG_TIME_LENGTH 30
void crilog_time(char text[CRILOG_TIME_LENGTH + 1], int64_t nanoseconds);
