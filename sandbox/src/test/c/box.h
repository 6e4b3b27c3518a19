/* The black-box tests by subject, each file's list and its length. */
#pragma once

#include "fixture.h"

extern const struct test box_life[], box_process[], box_rootfs[], box_session[], box_pod[], box_userns[];
extern const size_t box_life_count, box_process_count, box_rootfs_count, box_session_count, box_pod_count, box_userns_count;
