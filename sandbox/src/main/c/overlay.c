#include "kernel.h"
#include "rootfs.h"
#include "userns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* fsconfig takes strings of at most 255 bytes; a longer path goes by way of an open descriptor. */
#define FSCONFIG_STRING_MAX 255

/*
 * One mount of the folder that holds all layers, with the ids of a user namespace: a clone and a map for each layer would make a container of a hundred layers slow.
 */
struct layers {
    int mount; /* -1: the layers are opened as they are */
    size_t prefix; /* of each layer's path, its slash included */
};

static int folder_open(const char *path, struct error *error) {
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? fail(error, "overlay", path, errno, "cannot open the folder") : fd;
}

static int layer_open(const struct layers *layers, const char *path, struct error *error) {
    if (layers->mount < 0)
        return folder_open(path, error);
    int fd = openat(layers->mount, path + layers->prefix, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? fail(error, "overlay", path, errno, "cannot open the layer") : fd;
}

/* How much of the paths is the same, up to and with a slash. */
static size_t common_prefix(const struct overlay *overlay) {
    const char *first = overlay->lowers[0];
    size_t length = (size_t)(strrchr(first, '/') - first) + 1;

    for (size_t i = 1; i < overlay->count; i++)
        while (strncmp(first, overlay->lowers[i], length) != 0)
            do
                length--;
            while (first[length - 1] != '/');
    return length;
}

static int layers_map(struct layers *layers, const struct overlay *overlay, struct error *error) {
    char folder[4096];

    layers->prefix = common_prefix(overlay);
    snprintf(folder, sizeof folder, "%.*s", (int)layers->prefix, overlay->lowers[0]);
    layers->mount = open_tree(AT_FDCWD, folder, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (layers->mount < 0)
        return fail(error, "overlay", folder, errno, "cannot clone the mount of the layers");
    if (mount_idmap(layers->mount, overlay->user_namespace, "overlay", folder, error) < 0)
        return -1;
    /* Before Linux 6.15 overlayfs wants its layers in mounts of the mount namespace, which here is this process's own. */
    return move_mount(layers->mount, "", AT_FDCWD, overlay->root, MOVE_MOUNT_F_EMPTY_PATH) < 0
            ? fail(error, "overlay", overlay->root, errno, "cannot attach the id-mapped layers")
            : 0;
}

static int set_folder(int context, const char *key, const char *path, const struct layers *layers, struct error *error) {
    char short_path[40];
    int folder = -1;

    if (strlen(path) > FSCONFIG_STRING_MAX || layers->mount >= 0) {
        folder = layer_open(layers, path, error);
        if (folder < 0)
            return -1;
        snprintf(short_path, sizeof short_path, "/proc/self/fd/%d", folder);
    }
    int result = fsconfig(context, FSCONFIG_SET_STRING, key, folder < 0 ? path : short_path, 0);
    int number = errno;
    if (folder >= 0)
        close(folder);
    errno = number;
    return result < 0 ? fail(error, "overlay", path, number, "cannot set %s", key) : 0;
}

/* The kernel says in words why it refused, one message a read. */
static void context_words(int context, char *words, size_t size) {
    size_t length = 0;

    words[0] = '\0';
    while (length + 2 < size) {
        ssize_t n = read(context, words + length, size - length - 1);
        if (n <= 0)
            break;
        length += (size_t)n;
        words[length] = '\0';
        words[strcspn(words, "\n")] = ' ';
    }
}

static unsigned attributes(const char *flags) {
    return flag_set(flags, "ro") ? MOUNT_ATTR_RDONLY : 0;
}

/* 1 when it is done, 0 when this kernel has no lowerdir+, -1. */
static int by_context(const struct overlay *overlay, const struct layers *layers, int *mount, struct error *error) {
    static const struct layers as_they_are = {.mount = -1};
    const char *upper = overlay->upper, *work = overlay->work, *flags = overlay->flags;
    char words[300];
    int context = fsopen("overlay", FSOPEN_CLOEXEC);

    if (context < 0)
        return fail(error, "overlay", NULL, errno, "the kernel has no overlay file system");
    fsconfig(context, FSCONFIG_SET_STRING, "source", "overlay", 0); /* what mount tables show; nothing depends on it */
    for (size_t i = 0; i < overlay->count; i++)
        if (set_folder(context, "lowerdir+", overlay->lowers[i], layers, error) < 0) {
            context_words(context, words, sizeof words);
            close(context);
            /* Only the first one tells an old kernel from a bad folder; later ones (Linux 6.7) check the folder itself. */
            return error->number == EINVAL && strstr(words, "lowerdir+") != NULL ? 0 : -1;
        }
    if (strcmp(upper, "-") != 0
            && (set_folder(context, "upperdir", upper, &as_they_are, error) < 0
                    || set_folder(context, "workdir", work, &as_they_are, error) < 0))
        goto failed;
    if ((flag_set(flags, "volatile") && fsconfig(context, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
            || (flag_set(flags, "userxattr") && fsconfig(context, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0)) {
        fail(error, "overlay", overlay->root, errno, "cannot set %s", flags);
        goto failed;
    }
    if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) {
        int number = errno;

        context_words(context, words, sizeof words);
        if (number == EINVAL && words[0] == '\0') { /* before Linux 6.5 any option is taken until here */
            close(context);
            return 0;
        }
        fail(error, "overlay", overlay->root, number, "cannot mount (%s)", words);
        goto failed;
    }
    *mount = fsmount(context, FSMOUNT_CLOEXEC, attributes(flags));
    if (*mount < 0) {
        fail(error, "overlay", overlay->root, errno, "fsmount");
        goto failed;
    }
    close(context);
    return 1;

failed:
    close(context);
    return -1;
}

/*
 * Before lowerdir+ all layers stand in one option string of mount(2), which ends at a page. From /proc/self/fd as the working folder each layer is just the
 * number of a descriptor.
 */
static int by_string(const struct overlay *overlay, const struct layers *layers, struct error *error) {
    const char *upper = overlay->upper, *work = overlay->work, *flags = overlay->flags, *root = overlay->root;
    char options[4096];
    int length = snprintf(options, sizeof options, "lowerdir=");
    const char *separator = "";

    for (size_t i = 0; i < overlay->count; i++, separator = ":") {
        int folder = layer_open(layers, overlay->lowers[i], error);
        if (folder < 0)
            return -1;
        length += snprintf(options + length, sizeof options - (size_t)length, "%s%d", separator, folder);
        if (length >= (int)sizeof options - 64)
            return fail(error, "overlay", root, E2BIG, "too many layers for this kernel");
    }
    if (strcmp(upper, "-") != 0) {
        int upper_folder = folder_open(upper, error);
        int work_folder = upper_folder < 0 ? -1 : folder_open(work, error);
        if (work_folder < 0)
            return -1;
        length += snprintf(options + length, sizeof options - (size_t)length, ",upperdir=%d,workdir=%d", upper_folder,
                work_folder);
    }
    snprintf(options + length, sizeof options - (size_t)length, "%s%s", flag_set(flags, "volatile") ? ",volatile" : "",
            flag_set(flags, "userxattr") ? ",userxattr" : "");
    if (chdir("/proc/self/fd") < 0)
        return fail(error, "overlay", "/proc/self/fd", errno, "chdir");
    if (mount("overlay", root, "overlay", flag_set(flags, "ro") ? MS_RDONLY : 0, options) < 0)
        return fail(error, "overlay", root, errno, "cannot mount with %s", options);
    int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? fail(error, "overlay", root, errno, "cannot open the mounted root") : fd;
}

/* The top folder of the root file system is the upper one. */
static int upper_give(const char *upper, struct error *error) {
    if (strcmp(upper, "-") == 0)
        return 0;
    return lchown(upper, userns_uid_outside(0), userns_gid_outside(0)) < 0
            ? fail(error, "overlay", upper, errno, "cannot give it to the container's root")
            : 0;
}

int overlay_mount(const struct overlay *overlay, struct error *error) {
    const char *root = overlay->root;
    struct layers layers = {.mount = -1};
    int mount = -1;

    if (overlay->count == 0)
        return fail(error, "overlay", root, EINVAL, "no lower layer is given");
    if (overlay->user_namespace >= 0
            && (layers_map(&layers, overlay, error) < 0 || upper_give(overlay->upper, error) < 0))
        return -1;
    int done = by_context(overlay, &layers, &mount, error);
    if (done < 0)
        return -1;
    if (done == 0) {
        mount = by_string(overlay, &layers, error);
        if (mount < 0 || !overlay->detached)
            return mount;
        int clone = open_tree(mount, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
        return clone < 0 ? fail(error, "overlay", root, errno, "cannot clone the mounted file system") : clone;
    }
    if (!overlay->detached && move_mount(mount, "", AT_FDCWD, root, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return fail(error, "overlay", root, errno, "cannot attach the file system");
    return mount;
}

int overlay_by_record(const struct spec *spec, const struct record *record, int user_namespace, struct error *error) {
    size_t count = 0;
    const char **lowers = calloc(spec->count, sizeof *lowers);

    if (lowers == NULL)
        return fail(error, "overlay", record->arg[3], ENOMEM, "no memory");
    for (const struct record *r = NULL; (r = spec_next(spec, R_LOWER, r)) != NULL;)
        lowers[count++] = r->arg[0];
    const struct overlay overlay = {.lowers = lowers,
            .count = count,
            .upper = record->arg[0],
            .work = record->arg[1],
            .flags = record->arg[2],
            .root = record->arg[3],
            .user_namespace = user_namespace,
            .detached = user_namespace >= 0};
    int mount = overlay_mount(&overlay, error);
    free(lowers);
    return mount;
}
