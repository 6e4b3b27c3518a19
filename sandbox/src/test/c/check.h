/* The smallest test frame that counts. A test ends at its first failed check. */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct test {
    const char *name;
    void (*run)(void);
};

extern bool check_failed;
/* Run after each test that failed; may be NULL. */
extern void (*check_cleanup)(void);

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            printf("  %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            check_failed = true; \
            return; \
        } \
    } while (0)
/* The same, with a text that is shown. */
#define CHECK_TEXT(condition, text) \
    do { \
        if (!(condition)) { \
            printf("  %s:%d: %s\n  %s\n", __FILE__, __LINE__, #condition, text); \
            check_failed = true; \
            return; \
        } \
    } while (0)

/* Runs those whose name contains `only` (NULL: all), prints "N passed, N failed", and returns the exit code. */
int check_run(const char *title, const struct test *tests, size_t count, const char *only);
