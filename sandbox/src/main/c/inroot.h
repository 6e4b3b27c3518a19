/*
 * Paths below a container's root. They are resolved as the container would see them, and nothing in its file systems, symbolic links and mount points
 * included, leads out of it.
 */
#pragma once

#include "error.h"

#include <sys/types.h>

enum inroot_kind { INROOT_DIRECTORY, INROOT_FILE };

/* An O_PATH (or as in `flags`) descriptor of an existing path; -1 and errno. */
int inroot_open(int root, const char *path, int flags);
/* The same, making what is missing: folders with 0755, the last part by its kind with `mode`. */
int inroot_make(int root, const char *path, enum inroot_kind kind, mode_t mode, const char *step, struct error *error);
/* The folder that holds `path`, made if missing, and the last part of the path, which stays as it is. */
int inroot_parent(int root, const char *path, const char **name, const char *step, struct error *error);
