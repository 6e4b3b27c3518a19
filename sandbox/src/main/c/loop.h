/* The event loop: level-triggered epoll, timers, and memory that must outlive the events at hand. One per process. */
#pragma once

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

struct source {
    int fd;
    uint32_t events; /* 0: not watched */
    bool added;
    void (*ready)(struct source *source, uint32_t events);
};

struct timer {
    int64_t deadline; /* ms of the monotonic clock */
    bool armed;
    struct timer *next;
    void (*expired)(struct timer *timer);
};

int loop_open(struct error *error);
/* Watches `source` for `events`; with 0 the kernel no longer reports even a hang-up. */
void loop_watch(struct source *source, uint32_t events);
/* Stops watching and closes the descriptor. */
void loop_close(struct source *source);
void timer_start(struct timer *timer, int64_t milliseconds);
void timer_stop(struct timer *timer);
/* Frees after the events at hand, which may still point to it. */
void loop_free(void *memory);
void loop_run(void);
void loop_end(void);

int64_t clock_monotonic_ms(void);
int64_t clock_realtime_ns(void);
