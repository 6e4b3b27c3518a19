/*
 * Copies the content of an image's folder into a volume's. It runs in the container's child before anything of the container runs, on trees that nobody else
 * changes; even so each step is by descriptor and through no link.
 */
#include "kernel.h"
#include "rootfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define DEPTH_MAX 200

/* Where the first name of a file with several was copied to. */
struct link {
    dev_t device;
    ino_t inode;
    char *path; /* below the volume */
    struct link *next;
};

struct copy {
    const char *volume; /* for messages */
    int to_root;
    struct link *links;
    struct error *error;
};

static int trouble(struct copy *copy, const char *path, const char *what) {
    return fail(copy->error, "volume", copy->volume, errno, "cannot copy %s: %s", path, what);
}

/* By /proc/self/fd, since O_PATH descriptors (links, devices) take no f*xattr. */
static int xattrs_copy(int from, int to) {
    char names[4096], value[65536], from_path[40], to_path[40];

    snprintf(from_path, sizeof from_path, "/proc/self/fd/%d", from);
    snprintf(to_path, sizeof to_path, "/proc/self/fd/%d", to);
    ssize_t length = listxattr(from_path, names, sizeof names);
    if (length < 0)
        return errno == ENOTSUP ? 0 : -1;
    for (const char *name = names; name < names + length; name += strlen(name) + 1) {
        ssize_t size = getxattr(from_path, name, value, sizeof value);
        if (size < 0 || (setxattr(to_path, name, value, (size_t)size, 0) < 0 && errno != ENOTSUP))
            return -1;
    }
    return 0;
}

/* Owner first: a chown takes the set-user-id bit and the file capabilities away. */
static int attributes_copy(int from, int to, const struct stat *status) {
    struct timespec times[2] = {status->st_atim, status->st_mtim};
    char path[40];

    snprintf(path, sizeof path, "/proc/self/fd/%d", to);
    if (fchownat(to, "", status->st_uid, status->st_gid, AT_EMPTY_PATH) < 0)
        return -1;
    if (!S_ISLNK(status->st_mode) && (chmod(path, status->st_mode & 07777) < 0 || xattrs_copy(from, to) < 0))
        return -1;
    return S_ISLNK(status->st_mode) ? utimensat(to, "", times, AT_EMPTY_PATH) : utimensat(AT_FDCWD, path, times, 0);
}

static const struct link *link_find(const struct copy *copy, const struct stat *status) {
    for (const struct link *l = copy->links; l != NULL; l = l->next)
        if (l->device == status->st_dev && l->inode == status->st_ino)
            return l;
    return NULL;
}

static void link_remember(struct copy *copy, const struct stat *status, const char *path) {
    struct link *l = malloc(sizeof *l);

    if (l == NULL)
        return; /* then it becomes a file of its own */
    *l = (struct link){.device = status->st_dev, .inode = status->st_ino, .path = strdup(path), .next = copy->links};
    if (l->path == NULL)
        free(l);
    else
        copy->links = l;
}

static int content_copy(int from, int to) {
    ssize_t n;

    while ((n = sendfile(to, from, NULL, 1 << 20)) > 0) {
    }
    return (int)n;
}

static int file_copy(int from_dir, int to_dir, const char *name, const struct stat *status) {
    int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int to = from < 0 ? -1 : openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int result = to < 0 || content_copy(from, to) < 0 ? -1 : attributes_copy(from, to, status);
    int number = errno;

    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    errno = number;
    return result;
}

static int special_copy(int from_dir, int to_dir, const char *name, const struct stat *status) {
    char target[4096];

    if (S_ISLNK(status->st_mode)) {
        ssize_t n = readlinkat(from_dir, name, target, sizeof target - 1);
        if (n < 0)
            return -1;
        target[n] = '\0';
        if (symlinkat(target, to_dir, name) < 0)
            return -1;
    } else if (mknodat(to_dir, name, status->st_mode, status->st_rdev) < 0)
        return -1;
    int from = openat(from_dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    int to = from < 0 ? -1 : openat(to_dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    int result = to < 0 ? -1 : attributes_copy(from, to, status);
    int number = errno;
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    errno = number;
    return result;
}

static int folder_copy(struct copy *copy, int from, int to, const char *path, int depth);

static int subfolder_copy(struct copy *copy, int from_dir, int to_dir, const char *name, const char *path, int depth) {
    int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int to = -1;
    int result = -1;

    if (depth == DEPTH_MAX) {
        errno = ENAMETOOLONG;
        trouble(copy, path, "too deep");
    } else if (from < 0 || mkdirat(to_dir, name, 0700) < 0
            || (to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
        trouble(copy, path, "folder");
    else
        result = folder_copy(copy, from, to, path, depth + 1);
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return result;
}

static int entry_copy(struct copy *copy, int from_dir, int to_dir, const char *name, const char *path, int depth) {
    struct stat status;

    if (fstatat(from_dir, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return trouble(copy, path, "stat");
    if (S_ISDIR(status.st_mode))
        return subfolder_copy(copy, from_dir, to_dir, name, path, depth);
    if (status.st_nlink > 1) {
        const struct link *first = link_find(copy, &status);
        if (first != NULL)
            return linkat(copy->to_root, first->path, to_dir, name, 0) < 0 ? trouble(copy, path, "hard link") : 0;
        link_remember(copy, &status, path);
    }
    if (S_ISREG(status.st_mode))
        return file_copy(from_dir, to_dir, name, &status) < 0 ? trouble(copy, path, "file") : 0;
    if (S_ISSOCK(status.st_mode))
        return 0;
    return special_copy(from_dir, to_dir, name, &status) < 0 ? trouble(copy, path, "special file") : 0;
}

static int folder_copy(struct copy *copy, int from, int to, const char *path, int depth) {
    struct stat status;
    int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = again < 0 ? NULL : fdopendir(again);
    int result = 0;

    if (entries == NULL)
        return trouble(copy, path, "folder");
    for (struct dirent *entry; result == 0 && (entry = readdir(entries)) != NULL;) {
        char below[4096];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (snprintf(below, sizeof below, "%s%s%s", path, path[0] == '\0' ? "" : "/", entry->d_name) >= (int)sizeof below)
            continue; /* cannot be: PATH_MAX holds for what the image was unpacked by */
        result = entry_copy(copy, from, to, entry->d_name, below, depth);
    }
    closedir(entries);
    if (result == 0 && (fstat(from, &status) < 0 || attributes_copy(from, to, &status) < 0))
        return trouble(copy, path, "attributes");
    return result;
}

int volume_copy(int from, int to, const char *path, struct error *error) {
    /* `to` is the detached mount, an O_PATH descriptor. */
    int folder = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct copy copy = {.volume = path, .to_root = folder, .error = error};

    if (folder < 0)
        return trouble(&copy, "", "the volume's folder");
    int result = folder_copy(&copy, from, folder, "", 0);
    while (copy.links != NULL) {
        struct link *next = copy.links->next;

        free(copy.links->path);
        free(copy.links);
        copy.links = next;
    }
    close(folder);
    return result;
}
