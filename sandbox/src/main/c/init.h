/* The life of a container's first process before its exec. Runs in the child; never returns. */
#pragma once

#include "namespaces.h"
#include "records.h"
#include "streams.h"

_Noreturn void init_run(const struct spec *spec, const struct ns_plan *plan, const struct streams_child *streams);
