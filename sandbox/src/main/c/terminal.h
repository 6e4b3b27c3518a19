/* The pty of a process, from the container's own devpts. */
#pragma once

#include "error.h"
#include "records.h"

/* `root` is the container's. Nothing that the image puts at /dev/pts can stand in for a real devpts. */
int terminal_open(int root, int *master, int *slave, struct error *error);
/* The slave becomes the controlling terminal of the caller, which leads its session. */
int terminal_adopt(const struct spec *spec, int slave, struct error *error);
