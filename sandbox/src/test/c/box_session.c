#include "box.h"
const struct test box_session[] = {{NULL, NULL}};
const size_t box_session_count = 0;
