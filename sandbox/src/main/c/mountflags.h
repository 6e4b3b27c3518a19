/* The FLAGS of `mount` and `bind`. */
#pragma once

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

struct mount_flags {
    uint64_t set; /* MOUNT_ATTR_* */
    uint64_t clear;
    uint64_t propagation; /* MS_PRIVATE, MS_SLAVE or MS_SHARED; 0: not named */
    bool recursive;
    bool recursive_read_only;
    bool id_mapped;
    bool make_file;
    bool make_directory;
};

int mount_flags_parse(struct mount_flags *flags, const char *words, const char *step, const char *path, struct error *error);
