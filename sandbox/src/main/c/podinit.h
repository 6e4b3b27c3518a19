/* The process that makes a pod's namespaces and, where they include a pid namespace, stays on as its init. Runs in the child; never returns. */
#pragma once

#include "namespaces.h"
#include "records.h"

_Noreturn void podinit_run(const struct spec *spec, bool stay);
/*
 * The same in a user namespace, by two: one is born into the new namespaces and waits; the other, which is still the host's root, enters them, does what only that
 * one may (mounts on the host, settings), and ends.
 */
_Noreturn void podinit_hold(const struct spec *spec, bool stay);
_Noreturn void podinit_equip(const struct spec *spec, const struct ns_plan *plan);
/* Where the process's arguments lie, for its new title. */
void podinit_arguments(char **argv);
