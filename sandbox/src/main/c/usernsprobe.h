/* Whether this machine has what a pod with a user namespace wants, found out by making one. */
#pragma once

#include "error.h"

enum userns_answer { USERNS_WORKS = 0, USERNS_MISSING = 1, USERNS_NOT_IN_HOST_NETWORK = 3 };

/*
 * `folder` is empty and lies where layers do; what is made in it stays, what is mounted does not. Changes this process's mount namespace. But for USERNS_WORKS
 * `error` says what failed.
 */
enum userns_answer userns_probe(const char *folder, struct error *error);
