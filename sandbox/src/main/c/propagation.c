#include "propagation.h"

#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U
#endif

/* "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELD...] - ..."; the fields say shared:N and master:N. */
static bool line_matches(char *line, uint64_t id, char **point, bool *is_shared, bool *is_slave) {
    char *save = NULL;
    char *field = strtok_r(line, " ", &save);

    if (field == NULL || strtoull(field, NULL, 10) != id)
        return false;
    *is_shared = *is_slave = false;
    *point = line;
    for (int n = 2; (field = strtok_r(NULL, " ", &save)) != NULL && strcmp(field, "-") != 0; n++) {
        if (n == 5)
            *point = field;
        if (n > 6 && strncmp(field, "shared:", 7) == 0)
            *is_shared = true;
        if (n > 6 && strncmp(field, "master:", 7) == 0)
            *is_slave = true;
    }
    return true;
}

int propagation_check(const char *path, bool shared, struct error *error) {
    struct statx status;
    char *line = NULL, *point = NULL;
    size_t size = 0;
    bool found = false, is_shared = false, is_slave = false;
    int result = 0;

    if (syscall(SYS_statx, AT_FDCWD, path, 0, STATX_MNT_ID, &status) < 0)
        return fail(error, "bind", path, errno, "cannot look at the source");
    FILE *file = fopen("/proc/self/mountinfo", "re");
    if (file == NULL)
        return fail(error, "bind", path, errno, "cannot open /proc/self/mountinfo");
    while (!found && getline(&line, &size, file) > 0)
        found = line_matches(line, status.stx_mnt_id, &point, &is_shared, &is_slave);
    fclose(file);
    if (!found)
        result = fail(error, "bind", path, EINVAL, "its mount is not in /proc/self/mountinfo");
    else if (!is_shared && (shared || !is_slave)) {
        fail(error, "bind", path, 0, "path \"%s\" is mounted on \"%s\" but it is not a %s mount", path, point,
                shared ? "shared" : "shared or slave");
        error->number = EINVAL;
        result = -1;
    }
    free(line);
    return result;
}
