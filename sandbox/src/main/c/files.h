/* Small things about files and lists of paths. */
#pragma once

#include "error.h"

#include <stdbool.h>
#include <stddef.h>

struct path_list {
    char **paths;
    size_t count;
};

bool path_list_add(struct path_list *list, const char *path);
void path_list_free(struct path_list *list);

/* Writes a file by way of a temporary one beside it, so that nobody ever sees half of it. */
int file_replace(const char *path, const char *content, size_t length, struct error *error);
