#include "crilog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define BATCH 96
#define HEADER_MAX 48

/* One writev in the making. */
struct batch {
    struct crilog *log;
    struct iovec parts[BATCH];
    int count;
    char full[HEADER_MAX];
    char partial[HEADER_MAX];
    size_t header_length;
};

/* gmtime_r would load the time zone, which costs memory. After Howard Hinnant's days_from_civil, the other way round. */
void crilog_time(char text[CRILOG_TIME_LENGTH + 1], int64_t nanoseconds) {
    int64_t seconds = nanoseconds / 1000000000;
    int64_t days = seconds / 86400 + 719468;
    int rest = (int)(seconds % 86400);
    int64_t era = days / 146097;
    int day_of_era = (int)(days - era * 146097);
    int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month = (5 * day_of_year + 2) / 153;
    int day = day_of_year - (153 * month + 2) / 5 + 1;

    month += month < 10 ? 3 : -9;
    int year = (int)(year_of_era + era * 400) + (month <= 2 ? 1 : 0);
    const int parts[] = {year, month, day, rest / 3600, rest / 60 % 60, rest % 60, (int)(nanoseconds % 1000000000)};
    const int widths[] = {4, 2, 2, 2, 2, 2, 9};
    char *at = text;
    for (int i = 0; i < 7; i++) {
        for (int digit = widths[i] - 1, left = parts[i]; digit >= 0; digit--, left /= 10)
            at[digit] = (char)('0' + left % 10);
        at += widths[i];
        *at++ = "--T::.Z"[i];
    }
    *at = '\0';
}

static int file_open(const char *path, struct error *error) {
    struct stat status;
    mode_t before = umask(0027);
    /* O_NONBLOCK: a FIFO under that name must not stop the shim. */
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
    int reason = errno;

    umask(before);
    if (fd < 0)
        return fail(error, "log", path, reason, "cannot open the log");
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return fail(error, "log", path, EINVAL, "the log is not a regular file");
    }
    return fd;
}

int crilog_open(struct crilog *log, const char *path, struct error *error) {
    log->path = strdup(path);
    if (log->path == NULL)
        return fail(error, "log", path, ENOMEM, "no memory");
    log->fd = file_open(path, error);
    return log->fd < 0 ? -1 : 0;
}

int crilog_reopen(struct crilog *log, struct error *error) {
    if (log->path == NULL)
        return 0;
    int fd = file_open(log->path, error);
    if (fd < 0)
        return -1;
    if (log->fd >= 0)
        close(log->fd);
    log->fd = fd;
    log->torn = false;
    return 0;
}

static void drop(struct batch *batch, int from, int number) {
    if (batch->log->dropped == 0)
        note("%s: %s: output is dropped", batch->log->path, strerror(number));
    for (int i = from; i < batch->count; i++)
        batch->log->dropped += batch->parts[i].iov_len;
}

static void flush(struct batch *batch) {
    int at = 0;

    while (at < batch->count) {
        ssize_t n = writev(batch->log->fd, batch->parts + at, batch->count - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            drop(batch, at, n < 0 ? errno : ENOSPC);
            break;
        }
        size_t written = (size_t)n;
        while (at < batch->count && written >= batch->parts[at].iov_len)
            written -= batch->parts[at++].iov_len;
        batch->log->torn = at < batch->count;
        if (at < batch->count) {
            batch->parts[at].iov_base = (char *)batch->parts[at].iov_base + written;
            batch->parts[at].iov_len -= written;
        }
    }
    batch->count = 0;
}

static void part(struct batch *batch, const char *data, size_t length) {
    if (length == 0)
        return;
    batch->parts[batch->count].iov_base = (char *)(uintptr_t)data;
    batch->parts[batch->count++].iov_len = length;
}

/* `text` has its newline already when it is a full line. */
static void record(struct batch *batch, enum stream stream, bool full, const char *text, size_t length) {
    struct crilog *log = batch->log;

    if (batch->count > BATCH - 5)
        flush(batch);
    if (log->torn && batch->count == 0)
        part(batch, "\n", 1);
    part(batch, full ? batch->full : batch->partial, batch->header_length);
    part(batch, log->pending[stream].data, log->pending[stream].length);
    log->pending[stream].length = 0;
    part(batch, text, length);
    if (!full)
        part(batch, "\n", 1);
}

static void headers(struct batch *batch, enum stream stream) {
    char time[CRILOG_TIME_LENGTH + 1];
    const char *name = stream == STREAM_OUT ? "stdout" : "stderr";

    crilog_time(time, clock_realtime_ns());
    batch->header_length = (size_t)snprintf(batch->full, sizeof batch->full, "%s %s F ", time, name);
    snprintf(batch->partial, sizeof batch->partial, "%s %s P ", time, name);
}

static void pending_free(struct crilog *log, enum stream stream) {
    free(log->pending[stream].data);
    log->pending[stream].data = NULL;
    log->pending[stream].length = 0;
}

static void keep(struct crilog *log, enum stream stream, const char *data, size_t length) {
    if (log->pending[stream].data == NULL)
        log->pending[stream].data = malloc(CRILOG_LINE_MAX);
    if (log->pending[stream].data == NULL) {
        log->dropped += length;
        return;
    }
    memcpy(log->pending[stream].data + log->pending[stream].length, data, length);
    log->pending[stream].length += length;
}

void crilog_write(struct crilog *log, enum stream stream, const char *data, size_t length) {
    struct batch batch = {.log = log};

    if (log->fd < 0)
        return;
    headers(&batch, stream);
    while (length > 0) {
        size_t room = CRILOG_LINE_MAX - log->pending[stream].length;
        const char *newline = memchr(data, '\n', length > room ? room + 1 : length);
        size_t take;

        if (newline != NULL) {
            take = (size_t)(newline - data) + 1;
            record(&batch, stream, true, data, take);
        } else if (length > room) {
            take = room;
            record(&batch, stream, false, data, take);
        } else
            break;
        data += take;
        length -= take;
    }
    flush(&batch);
    if (length > 0)
        keep(log, stream, data, length);
    else if (log->pending[stream].length == 0)
        pending_free(log, stream);
}

void crilog_end(struct crilog *log, enum stream stream) {
    if (log->fd >= 0 && log->pending[stream].length > 0) {
        struct batch batch = {.log = log};

        headers(&batch, stream);
        record(&batch, stream, false, NULL, 0);
        flush(&batch);
    }
    pending_free(log, stream);
}

void crilog_close(struct crilog *log) {
    pending_free(log, STREAM_OUT);
    pending_free(log, STREAM_ERR);
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

void crilog_free(struct crilog *log) {
    crilog_close(log);
    free(log->path);
    log->path = NULL;
}
