/* The process that makes a pod's namespaces and, where they include a pid namespace, stays on as its init. Runs in the child; never returns. */
#pragma once

#include "records.h"

_Noreturn void podinit_run(const struct spec *spec, bool stay);
/* Where the process's arguments lie, for its new title. */
void podinit_arguments(char **argv);
