/* How the mount that holds a host path propagates, from /proc/self/mountinfo. */
#pragma once

#include "error.h"

#include <stdbool.h>

/* `shared`: it must be a shared mount; else a slave will do as well. */
int propagation_check(const char *path, bool shared, struct error *error);
