#include "cgroup.h"

#include "kernel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#define DEPTH_MAX 32

bool cgroup_is_v2(const char *path) {
    struct statfs status;

    return statfs(path, &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

int cgroup_birthplace(const struct spec *spec, int *fd, struct error *error) {
    *fd = -1;
    for (const struct record *r = NULL; (r = spec_next(spec, R_CGROUP, r)) != NULL;) {
        if (strcmp(r->arg[0], "v2") == 0) {
            if (*fd >= 0)
                close(*fd);
            *fd = open(r->arg[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (*fd < 0)
                return fail(error, "cgroup", r->arg[1], errno, "cannot open the group");
        } else if (strcmp(r->arg[0], "v1") != 0)
            return fail(error, "cgroup", r->arg[1], EINVAL, "neither v1 nor v2 but %s", r->arg[0]);
    }
    return 0;
}

/* A thread that moves itself, by 0 to `tasks`, takes no write lock on all forks and so waits for no RCU grace period. */
int cgroup_join_v1(const char *path, struct error *error) {
    int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0)
        return fail(error, "cgroup", path, errno, "cannot open the group");
    int fd = openat(dir, "tasks", O_WRONLY | O_CLOEXEC);
    int number = errno;
    close(dir);
    if (fd < 0)
        return fail(error, "cgroup", path, number, "cannot open tasks");
    ssize_t n = write(fd, "0", 1);
    number = errno;
    close(fd);
    return n == 1 ? 0 : fail(error, "cgroup", path, number, "cannot join the group");
}

int cgroup_join(const struct spec *spec, struct error *error) {
    for (const struct record *r = NULL; (r = spec_next(spec, R_CGROUP, r)) != NULL;)
        if (strcmp(r->arg[0], "v1") == 0 && cgroup_join_v1(r->arg[1], error) < 0)
            return -1;
    return 0;
}

static unsigned procs_signal(int dir, int signal) {
    unsigned found = 0;
    int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    FILE *file = fdopen(fd, "r");
    if (file == NULL) {
        close(fd);
        return 0;
    }
    for (int pid; fscanf(file, "%d", &pid) == 1;) {
        found++;
        /* 0 is a process of a pid namespace that the shim does not see; kill(0) would be the shim's own group. */
        if (pid > 0 && signal != 0)
            kill(pid, signal);
    }
    fclose(file);
    return found;
}

static unsigned tree_signal(int dir, int signal, int depth) {
    unsigned found = procs_signal(dir, signal);
    /* Opened anew: a duplicate would share the place up to which the folder has been read before. */
    int again = depth < DEPTH_MAX ? openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *entries = again < 0 ? NULL : fdopendir(again);

    if (entries == NULL) {
        if (again >= 0)
            close(again);
        return found;
    }
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        int below = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below >= 0) {
            found += tree_signal(below, signal, depth + 1);
            close(below);
        }
    }
    closedir(entries);
    return found;
}

unsigned cgroup_signal(const char *path, int signal) {
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0)
        return 0;
    unsigned found = tree_signal(dir, signal, 0);
    close(dir);
    return found;
}

bool cgroup_kill(const char *path) {
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0)
        return true;
    unsigned found = tree_signal(dir, 0, 0);
    if (found > 0) {
        int fd = openat(dir, "cgroup.kill", O_WRONLY | O_CLOEXEC);
        bool killed = fd >= 0 && write(fd, "1", 1) == 1;

        if (fd >= 0)
            close(fd);
        if (!killed)
            tree_signal(dir, SIGKILL, 0);
    }
    close(dir);
    return found == 0;
}

bool cgroup_count(const char *path, const char *key, uint64_t *count) {
    char text[2048];
    size_t key_length = strlen(key);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n < 0)
        return false;
    text[n] = '\0';
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, key, key_length) == 0 && line[key_length] == ' ') {
            *count = strtoull(line + key_length + 1, NULL, 10);
            return true;
        }
        line = strchr(line, '\n');
        if (line != NULL)
            line++;
    }
    return false;
}
