#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define BATCH 16

static struct {
    int epoll;
    struct epoll_event batch[BATCH];
    int batch_length;
    struct timer *timers;
    void **garbage;
    size_t garbage_count;
    bool ended;
} loop = {.epoll = -1};

int64_t clock_monotonic_ms(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_realtime_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int loop_open(struct error *error) {
    loop.epoll = epoll_create1(EPOLL_CLOEXEC);
    return loop.epoll < 0 ? fail(error, "epoll", NULL, errno, "epoll_create1") : 0;
}

void loop_watch(struct source *source, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = source};

    if (source->fd < 0 || source->events == events)
        return;
    source->events = events;
    if (events == 0) {
        epoll_ctl(loop.epoll, EPOLL_CTL_DEL, source->fd, NULL);
        source->added = false;
        for (int i = 0; i < loop.batch_length; i++)
            if (loop.batch[i].data.ptr == source)
                loop.batch[i].data.ptr = NULL;
    } else if (epoll_ctl(loop.epoll, source->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, source->fd, &event) == 0)
        source->added = true;
    else
        note("epoll_ctl on descriptor %d: %m", source->fd);
}

void loop_close(struct source *source) {
    if (source->fd < 0)
        return;
    loop_watch(source, 0);
    close(source->fd);
    source->fd = -1;
}

void timer_start(struct timer *timer, int64_t milliseconds) {
    timer->deadline = clock_monotonic_ms() + (milliseconds > 0 ? milliseconds : 1);
    if (timer->armed)
        return;
    timer->armed = true;
    timer->next = loop.timers;
    loop.timers = timer;
}

void timer_stop(struct timer *timer) {
    if (!timer->armed)
        return;
    timer->armed = false;
    for (struct timer **at = &loop.timers; *at != NULL; at = &(*at)->next)
        if (*at == timer) {
            *at = timer->next;
            return;
        }
}

void loop_free(void *memory) {
    void **grown = realloc(loop.garbage, (loop.garbage_count + 1) * sizeof *grown);

    if (grown == NULL)
        return; /* leaked: better than freed under somebody's feet */
    loop.garbage = grown;
    loop.garbage[loop.garbage_count++] = memory;
}

static void garbage_free(void) {
    for (size_t i = 0; i < loop.garbage_count; i++)
        free(loop.garbage[i]);
    free(loop.garbage);
    loop.garbage = NULL;
    loop.garbage_count = 0;
}

static int next_timeout(void) {
    int64_t now = clock_monotonic_ms();
    int64_t wait = -1;

    for (struct timer *t = loop.timers; t != NULL; t = t->next) {
        int64_t left = t->deadline > now ? t->deadline - now : 0;

        if (wait < 0 || left < wait)
            wait = left;
    }
    return wait > 3600000 ? 3600000 : (int)wait;
}

static void timers_run(void) {
    int64_t now = clock_monotonic_ms();

    /* Each call may change the list, so the search begins anew; a timer set again lies in the future. */
    for (bool again = true; again;) {
        again = false;
        for (struct timer *t = loop.timers; t != NULL; t = t->next)
            if (t->deadline <= now) {
                timer_stop(t);
                t->expired(t);
                again = true;
                break;
            }
    }
}

void loop_run(void) {
    while (!loop.ended) {
        int timeout = next_timeout();

        loop.batch_length = epoll_wait(loop.epoll, loop.batch, BATCH, timeout);
        for (int i = 0; i < loop.batch_length; i++) { /* -1, EINTR: none */
            struct source *source = loop.batch[i].data.ptr;

            if (source != NULL)
                source->ready(source, loop.batch[i].events);
        }
        loop.batch_length = 0;
        timers_run();
        garbage_free();
    }
}

void loop_end(void) {
    loop.ended = true;
}
