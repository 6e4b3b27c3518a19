/* The records of POD, CREATE and EXEC: names, arguments and their form. Checked here as far as it goes without looking at the machine. */
#pragma once

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_type {
    R_ID,
    R_NS,
    R_IDMAP,
    R_HOSTNAME,
    R_LOOPBACK,
    R_SYSCTL,
    R_NETNS,
    R_SHM,
    R_CGROUP,
    R_OOMSCORE,
    R_OOMSCORE_TRY,
    R_ARG,
    R_ENV,
    R_CWD,
    R_USER,
    R_GROUP,
    R_UMASK,
    R_CAPS,
    R_NNP,
    R_RLIMIT,
    R_RLIMIT_TRY,
    R_SECCOMP,
    R_APPARMOR,
    R_SELINUX,
    R_TTY,
    R_SIZE,
    R_STDIN,
    R_TIMEOUT,
    R_DRAIN,
    R_EXECGROUP,
    R_EXITFILE,
    R_LOG,
    R_KILLGROUP,
    R_OOM,
    R_LOWER,
    R_OVERLAY,
    R_MKDIR,
    R_MOUNT,
    R_BIND,
    R_LAYER,
    R_IMAGE,
    R_VOLUME,
    R_DEVICE,
    R_SYMLINK,
    R_CONSOLE,
    R_MASK,
    R_READONLY,
    R_ROOTRO,
};

enum spec_kind { SPEC_POD = 1, SPEC_CREATE = 2, SPEC_EXEC = 4 };

#define RECORD_MAX_ARGS 7

struct record {
    enum record_type type;
    char *arg[RECORD_MAX_ARGS];
};

struct spec {
    char *payload; /* what the arguments point into; owned */
    struct record *records;
    size_t count;
};

/* Takes over `payload` in every case. */
int spec_parse(struct spec *spec, char *payload, uint32_t length, enum spec_kind kind, struct error *error);
void spec_free(struct spec *spec);

const char *record_name(enum record_type type);

/* The next record of a type after `previous` (NULL: the first one), or NULL. */
const struct record *spec_next(const struct spec *spec, enum record_type type, const struct record *previous);
/* The first argument of the first record of a type, or NULL. */
const char *spec_value(const struct spec *spec, enum record_type type);
bool spec_has(const struct spec *spec, enum record_type type);
size_t spec_count(const struct spec *spec, enum record_type type);

bool parse_number(const char *text, int base, uint64_t max, uint64_t *number);
/* For arguments that spec_parse has checked. */
uint64_t number_of(const char *checked, int base);
/* Is `word` one of the comma-separated words of `flags`? */
bool flag_set(const char *flags, const char *word);
