#include "tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TREE_MAX 4096
#define ROUNDS_MAX 16

struct tree {
    pid_t pids[TREE_MAX];
    size_t count;
};

static pid_t parent_of(const char *pid) {
    char path[32], line[512];

    if (snprintf(path, sizeof path, "/proc/%s/stat", pid) >= (int)sizeof path)
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    if (n <= 0)
        return 0;
    line[n] = '\0';
    const char *at = strrchr(line, ')');
    return at == NULL || strlen(at) < 5 ? 0 : (pid_t)strtol(at + 4, NULL, 10);
}

static bool contains(const struct tree *tree, pid_t pid) {
    for (size_t i = 0; i < tree->count; i++)
        if (tree->pids[i] == pid)
            return true;
    return false;
}

/* One look at /proc; true when it found new ones. */
static bool grow(struct tree *tree) {
    DIR *processes = opendir("/proc");
    bool grown = false;

    if (processes == NULL)
        return false;
    for (struct dirent *entry; (entry = readdir(processes)) != NULL && tree->count < TREE_MAX;) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid <= 1 || contains(tree, pid) || !contains(tree, parent_of(entry->d_name)))
            continue;
        kill(pid, SIGSTOP);
        tree->pids[tree->count++] = pid;
        grown = true;
    }
    closedir(processes);
    return grown;
}

void tree_signal_all(pid_t root) {
    struct tree *tree = calloc(1, sizeof *tree);

    kill(root, SIGSTOP);
    if (tree == NULL)
        return;
    tree->pids[tree->count++] = root;
    for (int round = 0; round < ROUNDS_MAX && grow(tree); round++) {
    }
    for (size_t i = 0; i < tree->count; i++)
        kill(tree->pids[i], SIGKILL);
    free(tree);
}
