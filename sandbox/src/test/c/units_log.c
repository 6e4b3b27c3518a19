/* The CRI log by itself. */
#include "../../main/c/crilog.h"
#include "check.h"
#include "units.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void log_time(void) {
    char text[CRILOG_TIME_LENGTH + 1];

    crilog_time(text, 0);
    CHECK_TEXT(strcmp(text, "1970-01-01T00:00:00.000000000Z") == 0, text);
    crilog_time(text, 951782400123456789); /* 2000-02-29 */
    CHECK_TEXT(strcmp(text, "2000-02-29T00:00:00.123456789Z") == 0, text);
    crilog_time(text, 1798761599999999999);
    CHECK_TEXT(strcmp(text, "2026-12-31T23:59:59.999999999Z") == 0, text);
    crilog_time(text, 1709251200000000001);
    CHECK_TEXT(strcmp(text, "2024-03-01T00:00:00.000000001Z") == 0, text);
}

static bool line_well_formed(const char *line) {
    static regex_t pattern;
    static bool compiled;

    if (!compiled)
        compiled = regcomp(&pattern, "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z std(out|err) [PF] ", REG_EXTENDED | REG_NOSUB) == 0;
    return regexec(&pattern, line, 0, NULL, 0) == 0;
}

/* Takes a log apart: what was written to a stream, and its records' tags. */
static bool log_decode(const char *path, const char *stream, char *text, size_t size, char *tags) {
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0, length = 0, count = 0;
    bool good = file != NULL;

    for (ssize_t n; good && (n = getline(&line, &capacity, file)) > 0;) {
        if (!line_well_formed(line) || line[n - 1] != '\n' || n > 41 + (ssize_t)CRILOG_LINE_MAX)
            good = false;
        if (strncmp(line + 31, stream, strlen(stream)) != 0)
            continue;
        tags[count++] = line[38];
        size_t body = (size_t)n - 40 - (line[38] == 'P' ? 1 : 0);
        if (length + body < size) {
            memcpy(text + length, line + 40, body);
            length += body;
        }
    }
    text[length] = tags[count] = '\0';
    free(line);
    if (file != NULL)
        fclose(file);
    return good;
}

void log_lines(void) {
    struct crilog log = {.fd = -1};
    struct error error;
    char text[1024], tags[64];

    CHECK(crilog_open(&log, in_folder("lines"), &error) == 0);
    crilog_write(&log, STREAM_OUT, "one\ntwo\n\nth", 11);
    crilog_write(&log, STREAM_ERR, "oops\n", 5);
    crilog_write(&log, STREAM_OUT, "ree\nlast", 8);
    crilog_end(&log, STREAM_OUT);
    crilog_end(&log, STREAM_ERR);
    crilog_free(&log);
    CHECK(log_decode(in_folder("lines"), "stdout", text, sizeof text, tags));
    CHECK_TEXT(strcmp(text, "one\ntwo\n\nthree\nlast") == 0 && strcmp(tags, "FFFFP") == 0, text);
    CHECK(log_decode(in_folder("lines"), "stderr", text, sizeof text, tags) && strcmp(text, "oops\n") == 0);
}

void log_long_lines(void) {
    static const size_t lengths[] = {CRILOG_LINE_MAX - 1, CRILOG_LINE_MAX, CRILOG_LINE_MAX + 1, 3 * CRILOG_LINE_MAX, 3 * CRILOG_LINE_MAX + 5};
    static const char *const expected[] = {"F", "F", "PF", "PPF", "PPPF"};
    static char data[4 * CRILOG_LINE_MAX], text[4 * CRILOG_LINE_MAX];
    char tags[64];

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (size_t piece = 1000; piece <= 70000; piece += 23000) {
            struct crilog log = {.fd = -1};
            struct error error;
            size_t length = lengths[i];

            unlink(in_folder("long"));
            CHECK(crilog_open(&log, in_folder("long"), &error) == 0);
            for (size_t j = 0; j < length; j++)
                data[j] = (char)('a' + j % 26);
            data[length] = '\n';
            for (size_t at = 0; at < length + 1; at += piece)
                crilog_write(&log, STREAM_OUT, data + at, length + 1 - at < piece ? length + 1 - at : piece);
            CHECK(log.pending[0].data == NULL);
            crilog_free(&log);
            CHECK(log_decode(in_folder("long"), "stdout", text, sizeof text, tags));
            CHECK_TEXT(strcmp(tags, expected[i]) == 0, tags);
            CHECK(strlen(text) == length + 1 && memcmp(text, data, length + 1) == 0);
        }
}

/* Whatever the pieces, what was written comes out again. */
void log_any_pieces(void) {
    static char data[300000], text[300001];
    static char tags[100000];
    uint32_t state = 99;
    struct crilog log = {.fd = -1};
    struct error error;

    for (size_t i = 0; i < sizeof data; i++) {
        uint32_t dice = chance(&state);
        data[i] = dice % (i < 100000 ? 3 : i < 200000 ? 90 : 40000) == 0 ? '\n' : (char)('!' + dice / 7 % 90);
    }
    CHECK(crilog_open(&log, in_folder("any"), &error) == 0);
    for (size_t at = 0; at < sizeof data;) {
        size_t part = chance(&state) % 16384 + 1;
        if (part > sizeof data - at)
            part = sizeof data - at;
        crilog_write(&log, STREAM_ERR, data + at, part);
        at += part;
    }
    crilog_end(&log, STREAM_ERR);
    crilog_free(&log);
    CHECK(log_decode(in_folder("any"), "stderr", text, sizeof text, tags));
    CHECK(strlen(text) == sizeof data && memcmp(text, data, sizeof data) == 0);
}

void log_reopened(void) {
    struct crilog log = {.fd = -1};
    struct error error;
    char text[256], tags[16];

    CHECK(crilog_open(&log, in_folder("rotated"), &error) == 0);
    crilog_write(&log, STREAM_OUT, "old\nhalf", 8);
    CHECK(rename(in_folder("rotated"), in_folder("rotated.1")) == 0);
    CHECK(crilog_reopen(&log, &error) == 0 && access(in_folder("rotated"), F_OK) == 0);
    crilog_write(&log, STREAM_OUT, " new\n", 5);
    crilog_free(&log);
    CHECK(log_decode(in_folder("rotated.1"), "stdout", text, sizeof text, tags) && strcmp(text, "old\n") == 0);
    CHECK(log_decode(in_folder("rotated"), "stdout", text, sizeof text, tags) && strcmp(text, "half new\n") == 0);
}

void log_refused(void) {
    struct crilog log = {.fd = -1};
    struct error error;

    CHECK(symlink("lines", in_folder("link")) == 0 && crilog_open(&log, in_folder("link"), &error) < 0 && error.number == ELOOP);
    crilog_free(&log);
    CHECK(mkfifo(in_folder("fifo"), 0600) == 0 && crilog_open(&log, in_folder("fifo"), &error) < 0);
    crilog_free(&log);
    CHECK(crilog_open(&log, in_folder("none/x"), &error) < 0 && error.number == ENOENT);
    crilog_free(&log);
}

void log_disk_full(void) {
    struct crilog log = {.fd = open("/dev/full", O_WRONLY | O_CLOEXEC), .path = strdup("/dev/full")};

    CHECK(log.fd >= 0);
    int saved = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC); /* the note is not for the test's output */
    dup2(null, 2);
    crilog_write(&log, STREAM_OUT, "lost\nlost too\n", 14);
    dup2(saved, 2);
    close(saved);
    close(null);
    CHECK(log.dropped >= 14);
    crilog_free(&log);
}
