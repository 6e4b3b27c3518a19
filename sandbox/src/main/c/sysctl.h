/* Kernel settings of the namespaces that the caller is in. */
#pragma once

#include "error.h"

/* `name` is the path below /proc/sys. */
int sysctl_write(const char *name, const char *value, struct error *error);
