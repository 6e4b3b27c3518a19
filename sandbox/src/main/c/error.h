/*
 * The error convention: a function that can fail takes a struct error last, returns a negative number after filling it with fail(), and leaves it alone on
 * success. It is filled once, where the failure is known, and travels unchanged to the daemon as an ERROR frame. Nobody logs it on the way.
 */
#pragma once

#include <stddef.h>

struct error {
    int number; /* errno */
    char step[32]; /* the record or step that failed */
    char path[512];
    char message[512];
};

/* Fills `error`; the text of `number` is appended to the message. Returns -1. */
__attribute__((format(printf, 5, 6))) int fail(
        struct error *error, const char *step, const char *path, int number, const char *format, ...);

/* One line "step path: message" into `line`. */
const char *error_line(const struct error *error, char *line, size_t size);

/* A line on stderr, which is shim.log in the lasting process: for what no request can be told. */
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);
