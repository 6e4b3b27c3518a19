#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINES_MAX 340 /* of the kernel (user_namespaces(7)) */

struct range {
    uint32_t inside, outside, length;
};

struct map {
    const char *kind; /* as in the record and the name of the file */
    struct range ranges[LINES_MAX];
    size_t count;
};

static struct map uids = {.kind = "uid"}, gids = {.kind = "gid"};

static int range_take(struct map *map, const struct record *r, struct error *error) {
    uint64_t inside, outside, length;

    if (!parse_number(r->arg[1], 10, UINT32_MAX, &inside) || !parse_number(r->arg[2], 10, UINT32_MAX, &outside)
            || !parse_number(r->arg[3], 10, UINT32_MAX, &length) || length == 0 || inside + length > UINT32_MAX
            || outside + length > UINT32_MAX)
        return fail(error, "idmap", NULL, EINVAL, "%s %s %s %s is not a range", r->arg[0], r->arg[1], r->arg[2], r->arg[3]);
    if (map->count == LINES_MAX)
        return fail(error, "idmap", NULL, E2BIG, "more than %d ranges", LINES_MAX);
    map->ranges[map->count++] =
            (struct range){.inside = (uint32_t)inside, .outside = (uint32_t)outside, .length = (uint32_t)length};
    return 0;
}

int userns_maps_take(const struct spec *spec, struct error *error) {
    uids.count = gids.count = 0;
    for (const struct record *r = NULL; (r = spec_next(spec, R_IDMAP, r)) != NULL;) {
        bool uid = strcmp(r->arg[0], "uid") == 0;

        if (!uid && strcmp(r->arg[0], "gid") != 0)
            return fail(error, "idmap", NULL, EINVAL, "neither uid nor gid but %s", r->arg[0]);
        if (range_take(uid ? &uids : &gids, r, error) < 0)
            return -1;
    }
    return 0;
}

static uint32_t outside(const struct map *map, uint32_t id) {
    if (map->count == 0)
        return id;
    for (size_t i = 0; i < map->count; i++)
        if (id >= map->ranges[i].inside && id - map->ranges[i].inside < map->ranges[i].length)
            return map->ranges[i].outside + (id - map->ranges[i].inside);
    return UINT32_MAX;
}

uid_t userns_uid_outside(uid_t uid) {
    return outside(&uids, uid);
}

gid_t userns_gid_outside(gid_t gid) {
    return outside(&gids, gid);
}

/* The kernel takes a map by one write only. */
static int map_write(const struct map *map, pid_t pid, struct error *error) {
    char path[40];
    size_t size = map->count * 36 + 1, length = 0;
    char *text = malloc(size);

    if (text == NULL)
        return fail(error, "idmap", NULL, ENOMEM, "no memory");
    for (size_t i = 0; i < map->count; i++)
        length += (size_t)snprintf(text + length, size - length, "%u %u %u\n", map->ranges[i].inside, map->ranges[i].outside,
                map->ranges[i].length);
    snprintf(path, sizeof path, "/proc/%d/%s_map", (int)pid, map->kind);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : write(fd, text, length);
    int number = errno;
    if (fd >= 0)
        close(fd);
    free(text);
    return n == (ssize_t)length ? 0 : fail(error, "idmap", path, number, "cannot set the map");
}

int userns_maps_write(pid_t pid, struct error *error) {
    if (uids.count == 0 || gids.count == 0)
        return fail(error, "idmap", NULL, EINVAL, "a user namespace wants a uid and a gid range");
    return map_write(&uids, pid, error) < 0 || map_write(&gids, pid, error) < 0 ? -1 : 0;
}

int userns_become_root(struct error *error) {
    /* Until now the user is the host's root, who is nobody here: the capabilities must outlive the change. */
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 || syscall(SYS_setresgid, 0, 0, 0) < 0
            || syscall(SYS_setresuid, 0, 0, 0) < 0)
        return fail(error, "ns", "user", errno, "cannot become root of the user namespace");
    return 0;
}
