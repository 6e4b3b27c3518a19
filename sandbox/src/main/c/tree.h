/* A process and its descendants, for a group-less exec that ran out of time. */
#pragma once

#include <sys/types.h>

/* SIGKILL to all of them, stopped first so that none slips away by forking. */
void tree_signal_all(pid_t root);
