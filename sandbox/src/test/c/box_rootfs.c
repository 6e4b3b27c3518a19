#include "box.h"
const struct test box_rootfs[] = {{NULL, NULL}};
const size_t box_rootfs_count = 0;
