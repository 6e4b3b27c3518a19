#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool path_list_add(struct path_list *list, const char *path) {
    char **grown = realloc(list->paths, (list->count + 1) * sizeof *grown);

    if (grown == NULL)
        return false;
    list->paths = grown;
    list->paths[list->count] = strdup(path);
    if (list->paths[list->count] == NULL)
        return false;
    list->count++;
    return true;
}

void path_list_free(struct path_list *list) {
    for (size_t i = 0; i < list->count; i++)
        free(list->paths[i]);
    free(list->paths);
    *list = (struct path_list){0};
}

int file_replace(const char *path, const char *content, size_t length, struct error *error) {
    char temporary[PATH_MAX];

    if (snprintf(temporary, sizeof temporary, "%s.tmp", path) >= (int)sizeof temporary)
        return fail(error, "file", path, ENAMETOOLONG, "cannot write");
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(error, "file", temporary, errno, "cannot make");
    ssize_t n = write(fd, content, length);
    int number = n < 0 ? errno : ENOSPC;
    close(fd);
    if (n == (ssize_t)length) {
        if (rename(temporary, path) == 0)
            return 0;
        number = errno;
    }
    unlink(temporary);
    return fail(error, "file", path, number, "cannot write");
}
