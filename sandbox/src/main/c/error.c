#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int fail(struct error *error, const char *step, const char *path, int number, const char *format, ...) {
    va_list args;

    error->number = number;
    snprintf(error->step, sizeof error->step, "%s", step);
    snprintf(error->path, sizeof error->path, "%s", path == NULL ? "" : path);
    va_start(args, format);
    int length = vsnprintf(error->message, sizeof error->message, format, args);
    va_end(args);
    if (number != 0 && length >= 0 && (size_t)length < sizeof error->message)
        snprintf(error->message + length, sizeof error->message - (size_t)length, ": %s", strerror(number));
    return -1;
}

const char *error_line(const struct error *error, char *line, size_t size) {
    snprintf(line, size, "%s%s%s: %s", error->step, error->path[0] == '\0' ? "" : " ", error->path, error->message);
    return line;
}

void note(const char *format, ...) {
    char line[1200];
    va_list args;

    va_start(args, format);
    int length = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    if (length < 0)
        return;
    if ((size_t)length > sizeof line - 2)
        length = (int)(sizeof line - 2);
    line[length] = '\n';
    line[length + 1] = '\0';
    dprintf(2, "%lld %s", (long long)time(NULL), line);
}
