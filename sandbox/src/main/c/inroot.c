#include "inroot.h"

#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 255
#define LINKS_MAX 40

int inroot_open(int root, const char *path, int flags) {
    int fd;

    /* EAGAIN: a rename or mount elsewhere crossed a "..". */
    do
        fd = sys_openat2(root, path, (uint64_t)(flags | O_CLOEXEC), 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    while (fd < 0 && (errno == EAGAIN || errno == EINTR));
    return fd;
}

/*
 * A walk that can make what is missing, which openat2 cannot, and that follows a dangling link to where it points within the root. One part at a time, never
 * through a link, with a stack of the folders passed for "..": so nothing that changes meanwhile can lead out.
 */
struct walk {
    int folders[DEPTH_MAX + 1];
    int depth; /* folders[0] is the root, not owned */
    int links;
    char rest[PATH_MAX];
};

static void walk_up(struct walk *walk, int depth) {
    while (walk->depth > depth)
        close(walk->folders[walk->depth--]);
}

/* Puts the link's text before the rest. */
static int walk_link(struct walk *walk, int link) {
    char target[PATH_MAX], rest[PATH_MAX];
    ssize_t n = readlinkat(link, "", target, sizeof target - 1);

    if (n < 0)
        return -1;
    target[n] = '\0';
    if (++walk->links > LINKS_MAX) {
        errno = ELOOP;
        return -1;
    }
    memcpy(rest, walk->rest, sizeof rest);
    if (snprintf(walk->rest, sizeof walk->rest, "%s/%s", target, rest) >= (int)sizeof walk->rest) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (target[0] == '/')
        walk_up(walk, 0);
    return 0;
}

/* Takes the next part off the rest into `part`. False when there is none. */
static bool walk_next(struct walk *walk, char part[NAME_MAX + 1], bool *last, bool *too_long) {
    size_t start = strspn(walk->rest, "/");
    size_t length = strcspn(walk->rest + start, "/");

    *too_long = length > NAME_MAX;
    if (length == 0 || *too_long)
        return false;
    memcpy(part, walk->rest + start, length);
    part[length] = '\0';
    size_t after = start + length;
    *last = walk->rest[after + strspn(walk->rest + after, "/")] == '\0';
    memmove(walk->rest, walk->rest + after, strlen(walk->rest + after) + 1);
    return true;
}

static int part_open(int folder, const char *part, bool file, mode_t mode) {
    for (int tries = 0; tries < 4; tries++) {
        int fd = openat(folder, part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 || errno != ENOENT)
            return fd;
        int made = file ? mknodat(folder, part, S_IFREG | mode, 0) : mkdirat(folder, part, mode);
        if (made < 0 && errno != EEXIST)
            return -1;
    }
    errno = EAGAIN;
    return -1;
}

static int walk_run(struct walk *walk, enum inroot_kind kind, mode_t mode) {
    char part[NAME_MAX + 1];
    bool last = false, too_long = false;
    struct stat status;

    while (walk_next(walk, part, &last, &too_long)) {
        if (strcmp(part, ".") == 0)
            continue;
        if (strcmp(part, "..") == 0) {
            walk_up(walk, walk->depth > 0 ? walk->depth - 1 : 0);
            continue;
        }
        bool file = last && kind == INROOT_FILE;
        int fd = part_open(walk->folders[walk->depth], part, file, last ? mode : 0755);
        if (fd < 0)
            return -1;
        if (fstat(fd, &status) < 0 || (S_ISLNK(status.st_mode) && walk_link(walk, fd) < 0)) {
            close(fd);
            return -1;
        }
        if (S_ISLNK(status.st_mode)) {
            close(fd);
            continue;
        }
        if (!S_ISDIR(status.st_mode)) {
            if (last)
                return fd;
            close(fd);
            errno = ENOTDIR;
            return -1;
        }
        if (walk->depth == DEPTH_MAX) {
            close(fd);
            errno = ENAMETOOLONG;
            return -1;
        }
        walk->folders[++walk->depth] = fd;
    }
    if (too_long) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return fcntl(walk->folders[walk->depth], F_DUPFD_CLOEXEC, 3);
}

static int make(int root, const char *path, size_t length, enum inroot_kind kind, mode_t mode) {
    struct walk walk = {.folders = {root}};

    if (length >= sizeof walk.rest) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(walk.rest, path, length);
    walk.rest[length] = '\0';
    int fd = walk_run(&walk, kind, mode);
    int number = errno;
    walk_up(&walk, 0);
    errno = number;
    return fd;
}

int inroot_make(int root, const char *path, enum inroot_kind kind, mode_t mode, const char *step, struct error *error) {
    int fd = inroot_open(root, path, O_PATH);

    if (fd < 0 && errno == ENOENT)
        fd = make(root, path, strlen(path), kind, mode);
    if (fd < 0)
        return fail(error, step, path, errno, "cannot make the path in the container");
    return fd;
}

int inroot_parent(int root, const char *path, const char **name, const char *step, struct error *error) {
    size_t length = strlen(path);
    const char *slash = strrchr(path, '/');

    *name = slash == NULL ? path : slash + 1;
    if (**name == '\0' || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
        return fail(error, step, path, EINVAL, "the path does not end with a name");
    int fd = make(root, path, length - strlen(*name), INROOT_DIRECTORY, 0755);
    return fd < 0 ? fail(error, step, path, errno, "cannot make its folder in the container") : fd;
}
